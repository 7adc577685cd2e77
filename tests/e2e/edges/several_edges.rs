//! One upload over several edges: each is a listener with its own delay, rate and faults.

mod timed;

use std::time::{Duration, Instant};

use jettyspeed_client::{UploadOptions, Uploaded, no_progress, upload};
use jettyspeed_devstack::link::Link;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Call, Stack, action, answer, done_or, eventually_every, random_bytes, random_file, sha256};

const SIZE: usize = 60_000_000;

const PART: usize = 5_242_880;

const PARTS: usize = SIZE.div_ceil(PART);

struct Timed {
    uploaded: Uploaded,
    took: Duration,
    edges_used: Vec<String>,
}

async fn upload_timed(stack: &Stack) -> Timed {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), "lanes.bin", SIZE);
    let options = UploadOptions { fresh: true, no_dedup: true, ..UploadOptions::default() };
    let started = Instant::now();
    let uploaded = upload(&stack.edge(&stack.unsigned), &path, &options, no_progress()).await.unwrap();
    let took = started.elapsed();
    assert_eq!(sha256(&stack.bucket.get(&uploaded.asset.s3_key).await.unwrap()), sha256(&bytes));
    let state = stack.session_state(&stack.unsigned, uploaded.session_id.as_deref().unwrap()).await;
    let mut edges_used: Vec<_> = state["completed"].as_array().unwrap().iter().map(|part| part["edge"].as_str().unwrap().to_owned()).collect();
    edges_used.sort();
    edges_used.dedup();
    Timed { uploaded, took, edges_used }
}

fn start_link(stack: &str, delay_ms: u64, mb_per_second: f64) -> Link {
    Link::start(stack, Duration::from_millis(delay_ms), mb_per_second * 1e6).unwrap()
}

/// A stack without edges, and its address.
async fn stack_without_edges() -> (Stack, String) {
    let stack = Stack::start(&[("EDGE_METRICS_SECONDS", "1")]).await;
    stack.sql("DELETE FROM edge_locations").await;
    let address = stack.url.trim_start_matches("http://").to_owned();
    (stack, address)
}

async fn register(stack: &Stack, links: &[(&str, &Link)]) {
    for (id, link) in links {
        let body = json!({
            "id": id, "name": id, "city": "Here", "country": "DE", "continent": "EU", "lat": 50.0, "lon": 8.0, "colo": "XXX", "url": link.url(),
            "capacityMbps": 1_000,
        });
        let (status, body) = stack.operator(Method::POST, "/api/portal/edges").json(&body).answer().await;
        assert_eq!(status, 201, "{body}");
    }
}

/// Its status is changed while an upload is under way over it; a change counts within a minute.
#[tokio::test]
async fn draining_edge_keeps_what_is_under_way_and_disabled_edge_takes_nothing() {
    let (stack, address) = stack_without_edges().await;
    let (old, new) = (start_link(&address, 0, 100.0), start_link(&address, 0, 100.0));
    register(&stack, &[("old", &old), ("new", &new)]).await;
    let set = async |status: &str| {
        let change = stack.operator(Method::PATCH, "/api/portal/edges/old").json(&json!({ "status": status }));
        assert_eq!(change.answer().await.0, 200);
    };
    let at_old = |path: &str| {
        stack.http.post(format!("{}{path}", old.url())).bearer_auth(&stack.unsigned.api_key).header("X-API-Secret", &stack.unsigned.api_secret)
    };
    let start = json!({ "action": "start", "fileName": "a", "fileSize": 3 * PART });
    let started = stack.track(&stack.unsigned, start.clone()).await.1;
    let offered = |body: &serde_json::Value| body["edges"].as_array().unwrap().iter().any(|edge| edge["id"] == "old");
    assert!(offered(&started), "{started}");
    let bytes = random_bytes(3 * PART);
    let part = |number: usize| {
        let token = started["uploadToken"].as_str().unwrap();
        let chunk = stack.http.post(format!("{}/api/jetty-speed/chunk", old.url())).header("X-Upload-Token", token);
        chunk.header("X-Part-Number", number).body(bytes[(number - 1) * PART..number * PART].to_vec())
    };
    let closed = async |request: &dyn Fn() -> reqwest::RequestBuilder, status: &str| {
        eventually_every(Duration::from_millis(500), Duration::from_secs(60), async || {
            // A part is refused before it is read, and then the connection may be closed on a client that still sends it.
            let (code, body) = match request().sent().await {
                Ok(response) => answer(response).await,
                Err(error) => (0, json!(error.to_string())),
            };
            done_or(code == 503 && body["code"] == "edge-closed" && body["edgeStatus"] == status, body)
        })
        .await;
    };
    assert_eq!(part(1).answer().await.0, 200);
    set("draining").await;
    closed(&|| at_old("/api/jetty/track-upload").json(&start), "draining").await;
    closed(&|| at_old("/api/storage/upload").header("X-File-Name", "a").body("bytes"), "draining").await;
    assert_eq!(part(2).answer().await.0, 200, "what is under way goes on");
    assert!(!offered(&stack.track(&stack.unsigned, start.clone()).await.1));
    let progress = at_old("/api/jetty/track-upload").json(&action("progress", &started));
    assert_eq!(progress.answer().await.0, 200, "it may be asked");
    set("disabled").await;
    closed(&|| part(3), "disabled").await;
    // The rest goes to another address.
    assert_eq!(stack.chunk(&started, 3, &bytes[2 * PART..]).answer().await.0, 200);
    let (status, done) = stack.track(&stack.unsigned, action("complete", &started)).await;
    let used = done["edgesUsed"].as_array().unwrap();
    assert!(status == 200 && used.len() == 2 && used.contains(&json!("old")), "{done}");
}
