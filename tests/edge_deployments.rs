//! The deployments that `script/edges` makes of edges with a region: what they share with the main one, and what only one of them may have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use toml::Table;

fn main_config() -> Value {
    serde_json::to_value(std::fs::read_to_string("wrangler.toml").unwrap().parse::<Table>().unwrap()).unwrap()
}

/// Writes the configuration for the rows in the file `rows`.
fn write(rows: &Path, out: &Path, domain: &str) -> Output {
    let mut command = Command::new("node_modules/.bin/node");
    command.args(["script/lib/edges.mjs", "write"]).arg(rows).arg(out).arg(domain);
    command.output().unwrap()
}

/// The configuration for these rows, or why there is none.
fn of(rows: &Value, domain: &str) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("rows.json"), folder.path().join("wrangler.json"));
    std::fs::write(&path, rows.to_string()).unwrap();
    let output = write(&path, &out, domain);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap())
}

fn edge(id: &str, url: Option<&str>, region: Option<&str>) -> Value {
    json!({ "id": id, "url": url, "region": region, "status": "active" })
}

#[test]
fn each_region_has_a_deployment_with_the_data_of_the_main_one() {
    let rows = json!([
        edge("fra", None, Some("aws:eu-central-1")),
        edge("ber", Some("https://ber.example.com"), Some("aws:eu-central-1")),
        edge("sin", Some("https://sin.example.com"), Some("gcp:asia-southeast1")),
        edge("ams", None, None),
        json!({ "id": "off", "url": null, "region": "aws:us-east-1", "status": "disabled" }),
    ]);
    let (config, main) = (of(&rows, "edges.example.com").unwrap(), main_config());
    let environments = config["env"].as_object().unwrap();
    assert_eq!(environments.keys().map(String::as_str).collect::<Vec<_>>(), ["aws-eu-central-1", "gcp-asia-southeast1"]);
    let frankfurt = &environments["aws-eu-central-1"];
    assert_eq!((&frankfurt["name"], &frankfurt["placement"]), (&json!("jettyspeed-edge-aws-eu-central-1"), &json!({ "region": "aws:eu-central-1" })));
    let hosts: Vec<_> = frankfurt["routes"].as_array().unwrap().iter().map(|route| route["pattern"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["ber.example.com", "fra.edges.example.com"]);
    for (name, own) in environments {
        for shared in ["d1_databases", "kv_namespaces", "ratelimits", "vars"] {
            assert_eq!(own[shared], main[shared], "{name}: {shared}");
        }
        assert_eq!(own["queues"], json!({ "producers": main["queues"]["producers"] }), "{name}: only the main one takes from the queue");
        assert_eq!((&own["triggers"]["crons"], &own["migrations"]), (&json!([]), &json!([])), "{name}");
        let objects = own["durable_objects"]["bindings"].as_array().unwrap();
        assert_eq!(objects.len(), main["durable_objects"]["bindings"].as_array().unwrap().len());
        assert!(objects.iter().all(|object| object["script_name"] == main["name"]), "{name}: the sessions are those of the main one");
    }
}

#[test]
fn rows_without_a_region_and_edges_without_a_host_are_refused_by_name() {
    assert!(of(&json!([edge("ams", None, None)]), "").unwrap_err().contains("no edge names a region"));
    assert!(of(&json!([edge("fra", None, Some("aws:eu-central-1"))]), "").unwrap_err().contains("edge fra has no address"));
    for url in ["http://fra.example.com", "https://fra.example.com:8443"] {
        assert!(of(&json!([edge("fra", Some(url), Some("aws:eu-central-1"))]), "").unwrap_err().contains("edge fra"), "{url}");
    }
}
