//! Parts and files that the store, or a gateway on the way, loses after their last byte.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jettyspeed_client::{UploadOptions, no_progress, upload};
use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Call, Stack, action, random_bytes, random_file, sha256, unique};
use crate::memory::SlowClient;

/// What a gateway answers that has lost the answer of the store: no S3 error.
const LOST: Fault = Fault::Answer(520, "");

fn is_put(method: &Method, target: &str) -> bool {
    method == Method::PUT && target.contains("/o/")
}

#[tokio::test]
async fn held_part_reaches_the_store_while_the_client_is_sending_it() {
    let stack = Stack::start(&[]).await;
    let bytes = random_bytes(9_000_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    let hash = sha256(&bytes);
    let fields = [("X-Upload-Token", started["uploadToken"].as_str().unwrap()), ("X-Part-Number", "1"), ("X-Chunk-SHA256", hash.as_str())];
    let seen_at = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen_at);
    stack.proxy.inject(move |method, target| {
        if is_put(method, target) {
            *noted.lock().unwrap() = Some(Instant::now());
        }
        None
    });
    let mut client = SlowClient::send(&stack, "POST", "/api/jetty-speed/chunk", bytes.len(), &fields).await;
    client.body(&bytes[..4_000_000]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let half = Instant::now();
    client.body(&bytes[4_000_000..]).await;
    let (status, body) = client.answer().await;
    assert_eq!(status, 200, "{body}");
    let seen_at = seen_at.lock().unwrap().unwrap();
    assert!(seen_at < half, "the store's request began {:?} after the second half was sent", seen_at - half);
    let (status, done) = stack.track(&stack.dev, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
}

#[tokio::test]
async fn part_whose_client_hangs_up_halfway_keeps_its_hash_when_it_is_sent_again() {
    let stack = Stack::start(&[]).await;
    let bytes = random_bytes(9_000_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    let (token, hash) = (started["uploadToken"].as_str().unwrap(), sha256(&bytes));
    let fields = [("X-Upload-Token", token), ("X-Part-Number", "1"), ("X-Chunk-SHA256", hash.as_str())];
    let mut client = SlowClient::send(&stack, "POST", "/api/jetty-speed/chunk", bytes.len(), &fields).await;
    client.body(&bytes[..4_000_000]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(client);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
    assert_eq!(status, 200, "{body}");
    let state = stack.session_state(&stack.dev, started["sessionId"].as_str().unwrap()).await;
    assert_eq!(state["completed"][0]["sha256"], json!(hash), "{state}");
}

/// Twenty times the rate that Cloudflare's users report. Which attempts are lost is fixed for each upload, whose parts come one after the other: with one count for
/// all of them one part in a thousand would lose its three attempts by chance.
#[tokio::test]
async fn no_client_sees_one_of_ten_attempts_lost_after_their_last_byte() {
    let stack = Stack::start(&[]).await;
    let lost = Arc::new(AtomicUsize::new(0));
    let (asked, losing) = (Mutex::new(HashMap::<String, u64>::new()), Arc::clone(&lost));
    stack.proxy.inject(move |method, target| {
        if !is_put(method, target) || !target.contains("partNumber=2") {
            return None;
        }
        let mut asked = asked.lock().unwrap();
        let count = asked.entry(target.split('?').next().unwrap_or_default().to_owned()).or_default();
        *count += 1;
        // Of twenty attempts the first and the second of one part.
        matches!(*count % 20, 4 | 5).then(|| losing.fetch_add(1, Ordering::SeqCst)).map(|_| LOST)
    });
    let one = || async {
        // The second part is small, and sent over and over.
        let bytes = random_bytes(10_000_000 + 20_000);
        let (first, second) = bytes.split_at(10_000_000);
        let started = stack.session(&stack.dev).size(bytes.len()).start().await;
        let (status, body) = stack.chunk(&started, 1, first).answer().await;
        assert_eq!(status, 200, "{body}");
        for round in 0..75 {
            let (status, body) = stack.chunk(&started, 2, second).answer().await;
            assert_eq!(status, 200, "part of round {round}: {body}");
        }
        let (status, done) = stack.track(&stack.dev, action("complete", &started)).await;
        assert_eq!(status, 200, "{done}");
        assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    };
    tokio::join!(one(), one(), one(), one());
    // 75 parts with two lost attempts for every 18: 4 times two attempts of each upload.
    assert_eq!(lost.load(Ordering::SeqCst), 32);
}

#[tokio::test]
async fn file_in_one_request_is_sent_again_after_520_and_stored_once() {
    let stack = Stack::start(&[]).await;
    let account = stack.account(&unique("repeated")).tier("enterprise").create().await;
    for size in [1, 700_000, 11_000_000] {
        let left = Arc::new(AtomicUsize::new(2));
        let counted = Arc::clone(&left);
        stack.proxy.inject(move |method, target| {
            let hit = is_put(method, target) && counted.load(Ordering::SeqCst) > 0;
            hit.then(|| counted.fetch_sub(1, Ordering::SeqCst)).map(|_| LOST)
        });
        let bytes = random_bytes(size);
        let request = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "again.bin").body(bytes.clone());
        let (status, body) = request.answer().await;
        stack.proxy.clear_faults();
        assert_eq!((status, left.load(Ordering::SeqCst)), (201, 0), "{size}: {body}");
        assert!(stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes, "{size}");
    }
    assert_eq!(stack.bucket.objects_and_uploads_of(&account.user_id).await.0.len(), 3);
}

/// A part that the Worker can not hold is sent again by the client, and no more than it.
#[tokio::test]
async fn jetty_sends_parts_of_12_mb_and_at_most_one_of_them_again() {
    let stack = Stack::start(&[("REPLAY_MAX_BYTES", "0")]).await;
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), "parts.bin", 130_000_000);
    let left = Arc::new(AtomicUsize::new(1));
    let counted = Arc::clone(&left);
    stack.proxy.inject(move |method, target| {
        let hit = is_put(method, target) && counted.load(Ordering::SeqCst) > 0;
        hit.then(|| counted.fetch_sub(1, Ordering::SeqCst)).map(|_| LOST)
    });
    for no_dedup in [true, false] {
        left.store(1, Ordering::SeqCst);
        let options = UploadOptions { no_dedup, fresh: true, threads: Some(4), ..UploadOptions::default() };
        // The second time its bytes are stored already, but for the changed ones.
        let mut changed = bytes.clone();
        changed[0] ^= u8::from(!no_dedup);
        std::fs::write(&path, &changed).unwrap();
        let before = stack.proxy.seen("partNumber=").len();
        let done = upload(&stack.edge(&stack.dev), &path, &options, no_progress()).await.unwrap();
        let sent: Vec<u64> = stack.proxy.seen("partNumber=").drain(before..).filter_map(|seen| seen.content_length).collect();
        assert!(sent.iter().all(|size| *size <= 12_000_000), "{sent:?}");
        // The last part is sent twice on purpose where it is slow and nothing else is left to send.
        let (needed, last) = if no_dedup { (130_000_000, 10_000_000) } else { (12_000_000, 12_000_000) };
        let again = sent.iter().sum::<u64>() - needed;
        assert_eq!(left.load(Ordering::SeqCst), 0);
        assert!(again == 12_000_000 || again == 12_000_000 + last, "one part again: {sent:?}");
        let (_, asset) = stack.get(&stack.dev, &format!("/api/storage/files/{}", done.asset.id)).await;
        assert_eq!(asset["asset"]["size"], json!(130_000_000));
    }
}
