//! Deployments that `script/edges` makes: three beside the main one, each at an address of its own.

use std::path::Path;
use std::process::Command;

use jettyspeed_devstack::net::free_port;
use jettyspeed_devstack::root;
use jettyspeed_devstack::secrets::folder;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, plain_options, random_bytes};

const PART: usize = 5_242_880;
const REGIONS: [&str; 3] = ["aws:eu-central-1", "aws:us-east-1", "gcp:asia-southeast1"];

fn node(arguments: &[&Path]) {
    let output = Command::new(root().join("node_modules/.bin/node")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One session: started at the main deployment, its parts at the three, completed at one of them.
#[tokio::test]
async fn parts_through_three_deployments_make_one_file() {
    let rows: Vec<Value> =
        REGIONS.iter().enumerate().map(|(n, region)| json!({ "id": format!("e{n}"), "url": null, "region": region, "status": "active" })).collect();
    let (rows_path, options, config) = (folder().join("edges.json"), folder().join("options-edges.json"), root().join("wrangler.edges.test.json"));
    let plain = plain_options().await;
    std::fs::write(&rows_path, json!(rows).to_string()).unwrap();
    node(&["script/lib/edges.mjs".as_ref(), "write".as_ref(), &rows_path, &config, "edges.example.com".as_ref()]);
    let ports = [free_port().unwrap(), free_port().unwrap(), free_port().unwrap()];
    let texts = ports.map(|port| port.to_string());
    let [one, two, three] = texts.each_ref().map(Path::new);
    node(&["crates/devstack/src/worker/miniflare.mjs".as_ref(), "edges".as_ref(), plain, &config, &options, one, two, three]);
    std::fs::remove_file(&config).unwrap();

    let stack = Stack::start_with_options(options, &[]).await;
    stack.sql("DELETE FROM edge_locations").await;
    let urls = ports.map(|port| format!("http://127.0.0.1:{port}"));
    for (n, url) in urls.iter().enumerate() {
        let body = json!({
            "id": format!("e{n}"), "name": "Here", "city": "Here", "country": "DE", "continent": "EU", "lat": 50.0, "lon": 8.0, "colo": "XXX", "url": url,
            "capacityMbps": 1_000, "region": REGIONS[n],
        });
        let (status, body) = stack.operator(Method::POST, "/api/portal/edges").json(&body).answer().await;
        assert!(status == 201 && body["region"] == REGIONS[n], "{body}");
    }
    let bytes = random_bytes(3 * PART);
    let started = stack.session(&stack.unsigned).size(bytes.len()).start().await;
    assert_eq!(started["edges"].as_array().unwrap().len(), 3, "{started}");
    for (n, (url, part)) in urls.iter().zip(bytes.chunks(PART)).enumerate() {
        let chunk = stack.http.post(format!("{url}/api/jetty-speed/chunk")).header("X-Upload-Token", started["uploadToken"].as_str().unwrap());
        let (status, body) = chunk.header("X-Part-Number", n + 1).body(part.to_vec()).answer().await;
        assert_eq!((status, &body["edge"]), (200, &json!(format!("e{n}"))), "{body}");
    }
    let complete = stack.http.post(format!("{}/api/jetty/track-upload", urls[2])).bearer_auth(&stack.unsigned.api_key);
    let (status, done) = complete.header("X-API-Secret", &stack.unsigned.api_secret).json(&action("complete", &started)).answer().await;
    assert!(status == 200 && done["edgesUsed"] == json!(["e0", "e1", "e2"]), "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
}
