//! Clients that send slowly: what they hold, and what they lose.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use super::SlowClient;
use crate::harness::{Call, SLICE, Stack, action, fetch, random_bytes, sha256};

/// The headers of a part with that token.
fn part_fields<'a>(token: &'a str, number: &'a str, hash: &'a str) -> [(&'a str, &'a str); 3] {
    [("X-Upload-Token", token), ("X-Part-Number", number), ("X-Chunk-SHA256", hash)]
}

#[tokio::test]
async fn cold_file_is_served_and_cached_while_another_account_sends_five_slow_parts() {
    let stack = Stack::start(&[]).await;
    let file = stack.file(&stack.other).name("cold.bin").size(3 * SLICE).store().await;
    let before = stack.store_reads(&file.key);
    // As cold, and with nothing beside it.
    let alone = stack.file(&stack.other).name("alone.bin").size(3 * SLICE).store().await;
    let begun = Instant::now();
    assert_eq!(fetch(stack.http.get(&alone.url)).await.0, 200);
    let alone = begun.elapsed();
    let started = stack.session(&stack.dev).size(48_000_000).start().await;
    let (token, hash) = (started["uploadToken"].as_str().unwrap(), sha256(b"x"));
    let mut slow = Vec::new();
    for (number, length) in [("1", 10_000_000), ("2", 10_000_000), ("3", 10_000_000), ("4", 10_000_000), ("5", 8_000_000)] {
        let mut client = SlowClient::send(&stack, "POST", "/api/jetty-speed/chunk", length, &part_fields(token, number, &hash)).await;
        client.body(b"x").await;
        slow.push(client);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A slice without room waits for three seconds, and is not stored.
    let begun = Instant::now();
    let (status, cache, body) = fetch(stack.http.get(&file.url)).await;
    assert!(status == 200 && cache == "JettySpeed; fwd=miss; stored" && body.unwrap() == file.bytes, "{status} {cache}");
    let took = begun.elapsed();
    assert!(took < alone + Duration::from_millis(2_500), "{took:?}, alone {alone:?}");
    let (status, cache, _) = fetch(stack.http.get(&file.url)).await;
    assert!(status == 200 && cache.starts_with("JettySpeed; hit"), "{status} {cache}");
    assert_eq!(stack.store_reads(&file.key) - before, 3, "each slice once");
    drop(slow);
}

#[tokio::test]
async fn part_that_pauses_for_11_seconds_is_streamed_on_and_stored_whole() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("pausing").tier("pro").create().await;
    let bytes = random_bytes(3_000_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    let (token, hash) = (started["uploadToken"].as_str().unwrap(), sha256(&bytes));
    let fields = part_fields(token, "1", &hash);
    for sent in [1, 700_000, 2_999_999] {
        let mut client = SlowClient::send(&stack, "POST", "/api/jetty-speed/chunk", bytes.len(), &fields).await;
        client.body(&bytes[..sent]).await;
        tokio::time::sleep(Duration::from_secs(11)).await;
        let seen = stack.proxy.seen("partNumber=1").len();
        client.body(&bytes[sent..]).await;
        let (status, body) = client.answer().await;
        assert_eq!(status, 200, "after {sent} bytes: {body}");
        assert_eq!(stack.proxy.seen("partNumber=1").len() - seen, 1, "sent to the store once");
    }
    let (status, body) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{body}");
    assert!(stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
}

/// What the client still has to send is read, so that it can read the answer.
#[tokio::test]
async fn slow_part_that_the_store_refuses_before_it_has_read_it_returns_503() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("refused-slowly").tier("pro").create().await;
    let bytes = random_bytes(9_000_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    let (token, hash) = (started["uploadToken"].as_str().unwrap(), sha256(&bytes));
    stack.proxy.speak(&["early-slow-down"]);
    let clients = (0..3).map(|_| async {
        let mut client = SlowClient::send(&stack, "POST", "/api/jetty-speed/chunk", bytes.len(), &part_fields(token, "1", &hash)).await;
        client.body(&bytes[..500_000]).await;
        tokio::time::sleep(Duration::from_secs(11)).await;
        client.body(&bytes[500_000..]).await;
        client.answer().await
    });
    for (status, body) in join_all(clients).await {
        assert!(status == 503 && body.contains("origin-unavailable"), "{status} {body}");
    }
}

#[tokio::test]
async fn slow_part_that_breaks_off_is_not_recorded() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("breaking").tier("pro").create().await;
    let bytes = random_bytes(2_000_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    let (token, hash) = (started["uploadToken"].as_str().unwrap(), sha256(&bytes));
    let mut client = SlowClient::send(&stack, "POST", "/api/jetty-speed/chunk", bytes.len(), &part_fields(token, "1", &hash)).await;
    client.body(&bytes[..1_000_000]).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    drop(client);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let state = stack.session_state(&account, started["sessionId"].as_str().unwrap()).await;
    assert_eq!((&state["completed"], &state["missing"]), (&json!([]), &json!([1])), "{state}");
    assert_eq!(stack.chunk(&started, 1, &bytes).sent().await.unwrap().status(), 200);
}

#[tokio::test]
async fn json_and_playlist_that_stop_arriving_return_408() {
    let stack = Stack::start(&[]).await;
    let dev = &stack.dev;
    let mut json = SlowClient::send_as(&stack, dev, "POST", "/api/jetty/track-upload", 1_000, &[]).await;
    let mut playlist = SlowClient::send_as(&stack, dev, "PUT", "/api/video/slow/index.m3u8", 1_000, &[]).await;
    let signed = [("webhook-id", "msg_slow"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,x")];
    let mut stale = SlowClient::send(&stack, "POST", "/api/webhooks/jetty/provision", 1_000, &signed).await;
    json.body(b"{").await;
    playlist.body(b"#EXTM3U\n").await;
    stale.body(b"{").await;
    assert_eq!(stale.answer().await.0, 401, "nothing is read for a signature that is too old");
    for client in [json, playlist] {
        let (status, body) = client.answer().await;
        assert!(status == 408 && body.contains("body-too-slow"), "{body}");
    }
    assert_eq!(stack.get(dev, "/api/storage/files").await.0, 200);
}
