//! Sessions whose Durable Object lost its data: rebuilt from receipts and from the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jettyspeed_client::{Event, UploadOptions, upload};
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, done_or, eventually_every, random_bytes, random_file, sha256};

/// Deletes the data of all session objects, as if the platform had lost them.
async fn delete_session_objects(stack: &Stack) {
    let mut worker = stack.worker.lock().await;
    worker.kill();
    let folder = worker.setup().state.join("v3/do/jettyspeed-edge-UploadSession");
    assert!(std::fs::read_dir(&folder).unwrap().count() > 0);
    std::fs::remove_dir_all(folder).unwrap();
    worker.restart().await.unwrap();
}

#[tokio::test]
async fn lost_session_is_rebuilt_from_receipts_and_store_listing() {
    let stack = Stack::start(&[]).await;
    let account = &stack.unsigned;
    let size = 5 * 1024 * 1024;
    let bytes = random_bytes(4 * size);
    let hashes: Vec<String> = bytes.chunks(size).map(sha256).collect();
    let started = stack.session(account).size(bytes.len()).start().await;
    let failed = stack.session(account).size(bytes.len()).start().await;
    let session = &started["sessionId"];
    let mut receipts = Vec::new();
    for (number, piece) in (1..).zip(bytes.chunks(size)).take(3) {
        let (status, sent) = stack.chunk(&started, number, piece).answer().await;
        assert_eq!(status, 200);
        receipts.push(sent);
    }
    assert_eq!(stack.track(account, action("fail", &failed)).await.0, 200);
    delete_session_objects(&stack).await;

    // A part rebuilds its session; the other parts are found in the store's listing, without their hashes.
    let (status, _) = stack.chunk(&started, 4, &bytes[3 * size..]).answer().await;
    assert_eq!(status, 200);
    let state = stack.session_state(account, session.as_str().unwrap()).await;
    let known = |state: &Value| state["completed"].as_array().unwrap().iter().map(|part| part["sha256"].is_string()).collect::<Vec<_>>();
    assert_eq!((&state["missing"], known(&state)), (&json!([]), vec![false, false, false, true]), "{state}");
    let complete = json!({ "action": "complete", "sessionId": session, "chunkHashes": hashes });
    let (status, body) = stack.track(account, complete.clone()).await;
    assert_eq!((status, &body["code"], &body["parts"]), (409, &json!("parts-differ"), &json!([1, 2, 3])), "{body}");
    for sent in &receipts {
        let mut body = sent.clone();
        body["sessionId"] = session.clone();
        let (status, body) = stack.post(account, "/api/jetty/cache-chunk", body).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(known(&stack.session_state(account, session.as_str().unwrap()).await), [true; 4]);
    let (status, done) = stack.track(account, complete).await;
    assert_eq!(status, 200, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    // Hashes known from receipts are not offered for deduplication.
    let start = json!({ "action": "start", "fileName": "v", "fileSize": 2 * size, "chunkSize": size, "chunkHashes": hashes[..2] });
    assert_eq!(stack.track(account, start).await.1["missingParts"], json!([1, 2]));
    // A failed session is not rebuilt.
    let path = format!("/api/jetty/cache-chunk?sessionId={}", failed["sessionId"].as_str().unwrap());
    assert_eq!(stack.get(account, &path).await.0, 404);
    assert_eq!(stack.chunk(&failed, 1, &bytes[..size]).answer().await.0, 410);
}

/// Its alarm is lost with it and no request comes: the daily run wakes the session, and it expires like any other.
#[tokio::test]
async fn lost_session_without_requests_expires_and_releases_its_reservation() {
    let stack = Stack::start(&[("SESSION_TTL_SECONDS", "6")]).await;
    let account = stack.account("oblivion").tier("pro").create().await;
    let started = stack.session(&account).size(5_000).start().await;
    assert_eq!(stack.chunk(&started, 1, &random_bytes(5_000)).answer().await.0, 200);
    delete_session_objects(&stack).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let quota = || async { stack.edge(&account).quota().await.unwrap().storage_reserved_bytes };
    assert_eq!(quota().await, 5_000);
    stack.run_daily().await;
    eventually_every(Duration::from_millis(500), Duration::from_secs(90), async || {
        let reserved = quota().await;
        done_or(reserved == 0, format!("{reserved} bytes are reserved"))
    })
    .await;
    assert_eq!((quota().await, stack.bucket.objects_and_uploads_of("oblivion").await), (0, (vec![], vec![])));
}

#[tokio::test]
async fn client_completes_an_upload_whose_session_was_lost() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), "forgotten.bin", 40_000_000);
    let (edge, sent) = (stack.edge(&stack.dev), Arc::new(AtomicU64::new(0)));
    let counter = Arc::clone(&sent);
    let progress: jettyspeed_client::Progress = Arc::new(move |event| {
        if let Event::Moved(bytes) = event {
            counter.fetch_add(bytes, Ordering::SeqCst);
        }
    });
    let options = UploadOptions { threads: Some(1), ..UploadOptions::default() };
    let running = tokio::spawn(async move { upload(&edge, &path, &options, progress).await });
    eventually_every(Duration::from_millis(2), Duration::from_secs(120), async || {
        let sent = sent.load(Ordering::SeqCst);
        done_or(sent >= 22_000_000, format!("{sent} bytes are sent"))
    })
    .await;
    delete_session_objects(&stack).await;
    let done = running.await.unwrap().unwrap();
    assert!(stack.bucket.get(&done.asset.s3_key).await.unwrap() == bytes);
    let stored = stack.proxy.seen("partNumber=1&").into_iter().filter(|seen| seen.status == 200).count();
    assert_eq!(stored, 1, "part 1 was confirmed before: it is not sent again");
}
