//! A panic in the Worker: it is logged once, and a new instance serves the next request.

use std::time::Duration;

use jettyspeed_devstack::root;

use crate::harness::{Call, Stack, done_or, eventually};

/// How often the log says that something panicked.
fn panics(log: &str) -> usize {
    log.matches("panicked at").count()
}

#[tokio::test]
async fn panic_is_logged_once_and_the_next_request_returns_200() {
    let stack = Stack::start_with_entry(&root().join("tests/e2e/panics/entry.mjs")).await;
    let before = stack.asset(&stack.dev).bytes("before").store().await;
    let path = stack.worker.lock().await.log();
    let log = || std::fs::read_to_string(&path).unwrap();
    assert_eq!(panics(&log()), 0);

    let outcome = stack.http.get(format!("{}/test/panic", stack.url)).sent().await.unwrap().text().await.unwrap();
    assert_ne!(outcome, "returned", "it panicked");

    // Code that needs no state, then the database, a Durable Object and the store.
    assert_eq!(stack.anonymous(reqwest::Method::GET, "/api/health").answer().await.0, 200);
    let after = stack.asset(&stack.dev).bytes("after").store().await;
    for (asset, bytes) in [(&before, "before"), (&after, "after")] {
        let url = stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
        assert_eq!(stack.http.get(url).sent().await.unwrap().text().await.unwrap(), bytes);
    }

    eventually(Duration::from_secs(10), async || done_or(panics(&log()) > 0, "no panic in the log")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let log = log();
    assert_eq!(panics(&log), 1, "{log}");
    assert!(log.contains("schedule.rs") && log.contains("provoked by a test"), "where and why: {log}");
    assert!(log.contains("Reinitializing Wasm application"), "the next request got a new instance: {log}");
}
