//! Round trips to D1, counted in the debug log.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, done_or, eventually, fetch, random_bytes, sha256};

/// The beginnings of what `start` does.
const READS: &str = "SELECT n.name, n.display_name";
const OPENS: &str = "INSERT INTO upload_sessions";
const REFERS: &str = "INSERT INTO assets";
const ASKS: &str = "INSERT INTO challenges";

/// The answer, and the round trips without those of the ledger's alarms, which come at their own time.
async fn counted(stack: &Stack, body: Value) -> (u16, Vec<String>) {
    let from = stack.log_length().await;
    let (status, answer) = stack.track(&stack.dev, body).await;
    assert!(matches!(status, 200..=202), "{answer}");
    let calls = stack.database_calls(from).await;
    (status, calls.into_iter().filter(|call| !call.starts_with("INSERT INTO storage_usage")).collect())
}

fn begin_with(calls: &[String], expected: &[&str]) -> bool {
    calls.len() == expected.len() && calls.iter().zip(expected).all(|(call, begin)| call.starts_with(begin))
}

#[tokio::test]
async fn start_takes_two_round_trips_to_the_database() {
    let stack = Stack::start(&[("LOG_LEVEL", "debug")]).await;
    let shares = json!(true);
    let ours = stack.namespace("jt_customer_ours").field("cross_namespace_dedup", shares.clone()).member(&stack.dev).create().await;
    let theirs = stack.namespace("jt_customer_theirs").field("cross_namespace_dedup", shares).member(&stack.other).create().await;
    // A file of ours with its chunks, and one of theirs.
    let (own, foreign) = (random_bytes(10_000_000), random_bytes(700));
    for (account, namespace, bytes) in [(&stack.dev, &stack.dev.namespace, &own), (&stack.other, &theirs, &foreign)] {
        let started = stack.session(account).name("own.bin").size(bytes.len()).hash(&sha256(bytes)).namespace(namespace).start().await;
        stack.send_all_parts(&started, bytes).await;
        let (status, done) = stack.track(account, action("complete", &started)).await;
        assert_eq!(status, 200, "{done}");
        stack.verified(account, done["asset"]["id"].as_str().unwrap()).await;
    }
    let start = |more: Value| {
        let mut body = json!({ "action": "start", "fileName": "new.bin", "fileSize": 10_000_000 });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    // What the isolate learns once: the account, the edges, the store's facts.
    counted(&stack, start(json!({}))).await;
    let (chunk, absent) = (sha256(&own), sha256(b"absent"));
    for (what, body, status, expected) in [
        ("plain", start(json!({})), 201, [READS, OPENS]),
        ("with a hash that is not stored", start(json!({ "fileHash": absent })), 201, [READS, OPENS]),
        ("with chunks that are not stored", start(json!({ "chunkSize": 10_000_000, "chunkHashes": [absent] })), 201, [READS, OPENS]),
        ("with a chunk that is stored", start(json!({ "chunkSize": 10_000_000, "chunkHashes": [chunk] })), 201, [READS, OPENS]),
        ("with both", start(json!({ "fileHash": absent, "chunkSize": 10_000_000, "chunkHashes": [chunk] })), 201, [READS, OPENS]),
        ("with a hash that is stored", start(json!({ "fileHash": chunk })), 200, [READS, REFERS]),
        (
            "with a hash that another namespace shares",
            start(json!({ "fileHash": sha256(&foreign), "fileSize": 700, "namespace": ours })),
            202,
            [READS, ASKS],
        ),
    ] {
        let (answered, calls) = counted(&stack, body).await;
        assert!(answered == status && begin_with(&calls, &expected), "{what}: {answered} {calls:?}");
    }
}

#[tokio::test]
async fn delivery_counters_are_written_once_per_interval() {
    let stack = Stack::start(&[("LOG_LEVEL", "debug"), ("STATS_FLUSH_SECONDS", "12")]).await;
    let file = stack.file(&stack.dev).name("counted.bin").size(50_000).store().await;
    let from = stack.log_length().await;
    let writes = async || stack.database_calls(from).await.iter().filter(|call| call.starts_with("INSERT INTO delivery_hourly")).count();
    let mut sent = 0;
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        assert_eq!(fetch(stack.http.get(&file.url)).await.0, 200);
        sent += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(writes().await, 1, "3 s after the first answer; the next after 12 s");
    let path = format!("/api/portal/namespaces/{}/stats", stack.dev.namespace);
    eventually(Duration::from_secs(30), async || {
        let (_, stats) = stack.request(Method::GET, &path, &stack.dev).answer().await;
        done_or(stats["hits"].as_u64().unwrap() + stats["misses"].as_u64().unwrap() == sent, format!("{stats}, not {sent}"))
    })
    .await;
    assert_eq!(writes().await, 2);
}
