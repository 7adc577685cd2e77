//! Pauses: what an upload tells of its speed when it lay still, and which calls keep its session open.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, done_or, eventually_every, random_bytes, sha256, stack, unique};

const CHUNK: usize = 10_000_000;

/// The pause is the input.
async fn lie_still(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Megabits per second, rounded like the service's.
fn mbps(bytes: usize, ms: u64) -> f64 {
    (bytes as f64 * 8.0 / 1_000.0 / ms as f64 * 100.0).round() / 100.0
}

#[tokio::test]
async fn upload_that_lay_still_for_20_s_reports_the_time_in_which_bytes_moved() {
    let stack = stack().await;
    let account = stack.account(&unique("still-")).tier("pro").create().await;
    let bytes = random_bytes(CHUNK + 500_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    assert_eq!(stack.chunk(&started, 1, &bytes[..CHUNK]).answer().await.0, 200);
    lie_still(Duration::from_secs(20)).await;
    assert_eq!(stack.chunk(&started, 2, &bytes[CHUNK..]).answer().await.0, 200);
    let (status, done) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    let ms = done["uploadTimeMs"].as_u64().unwrap();
    assert!((1..20_000).contains(&ms), "{done}");
    assert_eq!(done["mbps"], json!(mbps(bytes.len(), ms)), "{done}");
    let id = done["asset"]["id"].as_str().unwrap();
    let row = stack.sql(&format!("SELECT upload_speed_mbps FROM assets WHERE id = '{id}'")).await;
    assert_eq!(row[0][0]["upload_speed_mbps"], done["mbps"]);
}

#[tokio::test]
async fn copied_chunks_count_neither_as_bytes_sent_nor_as_time() {
    let stack = stack().await;
    let account = stack.account(&unique("copied-")).tier("pro").create().await;
    let bytes = random_bytes(2 * CHUNK);
    let send = async |bytes: &[u8], missing: Value| {
        let hashes: Vec<String> = bytes.chunks(CHUNK).map(sha256).collect();
        let start = json!({ "action": "start", "fileName": "c.bin", "fileSize": bytes.len(), "chunkSize": CHUNK, "chunkHashes": hashes });
        let (status, started) = stack.track(&account, start).await;
        assert_eq!((status, &started["missingParts"]), (201, &missing), "{started}");
        for (number, part) in (1..).zip(bytes.chunks(CHUNK)).filter(|(number, _)| missing.as_array().unwrap().contains(&json!(number))) {
            assert_eq!(stack.chunk(&started, number, part).answer().await.0, 200);
        }
        let (status, done) = stack.track(&account, action("complete", &started)).await;
        assert_eq!(status, 200, "{done}");
        done
    };
    send(&bytes, json!([1, 2])).await;
    let changed = [&bytes[..CHUNK], &random_bytes(CHUNK)].concat();
    let done = send(&changed, json!([2])).await;
    assert_eq!((&done["bytesSent"], &done["bytesSaved"]), (&json!(CHUNK), &json!(CHUNK)));
    assert_eq!(done["mbps"], json!(mbps(CHUNK, done["uploadTimeMs"].as_u64().unwrap().max(1))), "{done}");
    let nothing_sent = send(&bytes, json!([])).await;
    assert_eq!((&nothing_sent["uploadTimeMs"], &nothing_sent["mbps"]), (&json!(0), &json!(0.0)), "{nothing_sent}");
    let id = nothing_sent["asset"]["id"].as_str().unwrap();
    let row = stack.sql(&format!("SELECT upload_speed_mbps FROM assets WHERE id = '{id}'")).await;
    assert_eq!(row[0][0]["upload_speed_mbps"], Value::Null);
}

/// Time to live of the sessions below; each call comes after two thirds of it.
const TTL: Duration = Duration::from_secs(15);

#[tokio::test]
async fn any_call_on_a_session_keeps_it_open_and_none_lets_it_expire() {
    let stack = Stack::start(&[("SESSION_TTL_SECONDS", "15")]).await;
    let bytes = random_bytes(CHUNK + 1);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    let id = started["sessionId"].as_str().unwrap();
    let read = format!("/api/jetty/cache-chunk?sessionId={id}");
    let urls = json!({ "sessionId": id, "parts": [{ "partNumber": 2, "sha256": sha256(&bytes[CHUNK..]) }] });
    let claim = json!({ "sessionId": id, "partNumber": 2, "etag": "claimed", "size": 1 });
    let calls = [
        ("GET cache-chunk", stack.request(Method::GET, &read, &stack.dev), 200),
        ("progress", stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).json(&action("progress", &started)), 200),
        ("complete", stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).json(&action("complete", &started)), 409),
        ("chunk-urls", stack.request(Method::POST, "/api/jetty/chunk-urls", &stack.dev).json(&urls), 200),
        ("POST cache-chunk", stack.request(Method::POST, "/api/jetty/cache-chunk", &stack.dev).json(&claim), 200),
        ("part", stack.chunk(&started, 1, &bytes[..CHUNK]), 200),
    ];
    for (name, call, wanted) in calls {
        lie_still(TTL * 2 / 3).await;
        let (status, body) = call.answer().await;
        assert_eq!(status, wanted, "{name}: {body}");
    }
    eventually_every(Duration::from_millis(500), TTL * 8, async || {
        let rows = stack.sql("SELECT status FROM upload_sessions").await;
        done_or(rows[0][0]["status"] == "expired", rows[0][0].to_string())
    })
    .await;
    let (_, body) = stack.request(Method::GET, &read, &stack.dev).answer().await;
    assert_eq!(body["status"], "expired", "looking at it does not bring it back");
}
