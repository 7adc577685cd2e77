//! How ledgers are told: few messages, and objects near those who use them.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::harness::{Call, Stack, done_or, eventually, fetch, unique};

/// Names of the messages to Durable Objects, and location hints, in the Worker's debug log from byte `from` on.
async fn calls(stack: &Stack, kind: &str, from: usize) -> Vec<String> {
    let log = std::fs::read_to_string(stack.worker.lock().await.log()).unwrap();
    let fields = log[from..].lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(&line[line.find('{')?..]).ok());
    let steps = fields.filter(|line| line["event"] == "step" && line["fields"]["kind"] == kind);
    steps.map(|line| line["fields"]["what"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn length(stack: &Stack) -> usize {
    std::fs::read_to_string(stack.worker.lock().await.log()).unwrap().len()
}

#[tokio::test]
async fn identity_backend_creates_no_ledger_and_the_accounts_first_call_creates_it_nearby() {
    let stack = Stack::start(&[("LOG_LEVEL", "debug")]).await;
    let user = unique("placed");
    let from = length(&stack).await;
    // The backend is in Virginia, the user in Paris.
    let backend = r#"{"colo":"IAD","country":"US","continent":"NA","latitude":"39","longitude":"-77","clientAcceptEncoding":""}"#;
    let paris = r#"{"colo":"CDG","country":"FR","continent":"EU","latitude":"48.9","longitude":"2.4","clientAcceptEncoding":""}"#;
    let webhook = |path: &str, body: serde_json::Value| stack.backend(Method::POST, path).header("MF-CF-Blob", backend).json(&body);
    let (status, body) =
        webhook("/api/agentcache/provision", json!({ "agentcache_user_id": user, "agentcache_email": "a@example.com", "tier": "pro" }))
            .answer()
            .await;
    assert_eq!(status, 201, "{body}");
    let (status, upgraded) = webhook("/api/agentcache/upgrade", json!({ "agentcache_user_id": user, "tier": "business" })).answer().await;
    assert_eq!((status, &upgraded["account"]["tier"]), (200, &json!("business")), "{upgraded}");
    let (status, quota) =
        stack.backend(Method::GET, &format!("/api/agentcache/quota?agentcache_user_id={user}")).header("MF-CF-Blob", backend).answer().await;
    assert_eq!((status, &quota["storage_quota_gb"], &quota["storage_used_bytes"]), (200, &json!(100), &json!(0)), "{quota}");
    assert_eq!(calls(&stack, "object", from).await, Vec::<String>::new());

    let key = body["account"]["api_key"].as_str().unwrap();
    let secret = body["account"]["api_secret"].as_str().unwrap();
    let start = json!({ "action": "start", "fileName": "f.bin", "fileSize": 20_000_000 });
    let request = stack.anonymous(Method::POST, "/api/jetty/track-upload").bearer_auth(key).header("X-API-Secret", secret);
    let (status, started) = request.header("MF-CF-Blob", paris).json(&start).answer().await;
    assert_eq!(status, 201, "{started}");
    let hints = calls(&stack, "location hint", from).await;
    assert!(hints.len() >= 2 && hints.iter().all(|hint| hint == "weur"), "ledger and session: {hints:?}");

    // What the backend says later reaches the ledger.
    let (status, _) = webhook("/api/agentcache/suspend", json!({ "agentcache_user_id": user })).answer().await;
    assert_eq!(status, 200);
    let request = stack.anonymous(Method::GET, "/api/agentcache/quota").bearer_auth(key).header("X-API-Secret", secret);
    assert_eq!(request.header("MF-CF-Blob", paris).answer().await.0, 403);
    let (_, quota) = stack.backend(Method::GET, &format!("/api/agentcache/quota?agentcache_user_id={user}")).answer().await;
    assert_eq!(quota["storage_reserved_bytes"], 20_000_000, "{quota}");
}

#[tokio::test]
async fn ledger_of_content_that_is_read_all_the_time_hears_of_it_every_ten_seconds() {
    let stack = Stack::start(&[("LOG_LEVEL", "debug")]).await;
    let file = stack.file(&stack.dev).name("busy.bin").size(40_000).store().await;
    fetch(stack.http.get(&file.url)).await;
    let (from, began, mut answers) = (length(&stack).await, Instant::now(), 1);
    while began.elapsed() < Duration::from_secs(21) {
        let (status, _, body) = fetch(stack.http.get(&file.url)).await;
        assert!(status == 200 && body.unwrap() == file.bytes);
        answers += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let calls = calls(&stack, "object", from).await;
    let of = |what: &str| calls.iter().filter(|call| *call == what).count();
    println!("{answers} answers: {} reports to the meter, {} messages to the ledger", of("report"), of("meter") + of("figures"));
    assert!((10..=45).contains(&of("report")), "one in half a second: {calls:?}");
    assert!((1..=3).contains(&of("meter")) && of("figures") <= 1, "{calls:?}");
    // Asked for, the figures are those of this moment.
    let quota = stack.edge(&stack.dev).quota().await.unwrap();
    assert_eq!(quota.bandwidth_used_bytes, answers * 40_000);
}

#[tokio::test]
async fn meter_that_is_restarted_tells_the_ledger_what_was_reported_before() {
    let stack = Stack::start(&[]).await;
    let file = stack.file(&stack.dev).name("kept.bin").size(50_000).store().await;
    fetch(stack.http.get(&file.url)).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    stack.worker.lock().await.kill_and_restart().await.unwrap();
    let used = eventually(Duration::from_secs(20), async || {
        let quota = stack.edge(&stack.dev).quota().await.unwrap();
        done_or(quota.bandwidth_used_bytes == 50_000, quota.bandwidth_used_bytes)
    });
    used.await;
}
