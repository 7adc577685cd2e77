//! Completion: idempotent when called concurrently, and right when the store's answer is lost or wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, answer, done_or, eventually, eventually_every, random_bytes, sha256, stack};

fn complete(started: &Value) -> Value {
    action("complete", started)
}

async fn sent_session(stack: &Stack, size: usize) -> (Value, Vec<u8>) {
    let bytes = random_bytes(size);
    let started = stack.session(&stack.dev).size(size).start().await;
    stack.send_all_parts(&started, &bytes).await;
    (started, bytes)
}

async fn assert_stored(stack: &Stack, body: &Value, bytes: &[u8]) {
    let stored = stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.expect("the object is there");
    assert!(stored == bytes);
}

#[tokio::test]
async fn missing_part_returns_409_and_repeated_completion_the_same_answer() {
    let stack = stack().await;
    let bytes = random_bytes(21_000_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    stack.chunk(&started, 1, &bytes[..10_000_000]).sent().await.unwrap();
    stack.chunk(&started, 3, &bytes[20_000_000..]).sent().await.unwrap();
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!((status, body["code"].as_str().unwrap(), &body["missing"]), (409, "parts-missing", &json!([2])));
    stack.chunk(&started, 2, &bytes[10_000_000..20_000_000]).sent().await.unwrap();
    let (status, first) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!((&first["chunks"], &first["bytesSent"], &first["bytesSaved"]), (&json!(3), &json!(21_000_000), &json!(0)));
    assert!(first["edgesUsed"].is_array() && first["uploadTimeMs"].is_u64() && first["mbps"].is_f64());
    assert_eq!((&first["asset"]["verification"], &first["asset"]["sha256"]), (&json!("none"), &Value::Null));
    assert_stored(stack, &first, &bytes).await;
    let (status, second) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!((status, second), (200, first), "twice gives the same answer");
    let (_, progress) = stack.track(&stack.dev, action("progress", &started)).await;
    assert_eq!((&progress["status"], &progress["percent"]), (&json!("complete"), &json!(100.0)));
}

/// Its record is deleted by the second alarm: the first one fires when the session would have expired.
#[tokio::test]
async fn completed_session_returns_404_after_its_tombstone_and_file_stays() {
    let stack = Stack::start(&[("SESSION_TTL_SECONDS", "8"), ("SESSION_TOMBSTONE_SECONDS", "4")]).await;
    let (started, bytes) = sent_session(&stack, 5_000).await;
    let id = started["sessionId"].as_str().unwrap();
    let (status, first) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 200, "{first}");
    let look = async || {
        let request = stack.request(Method::GET, &format!("/api/jetty/cache-chunk?sessionId={id}"), &stack.dev);
        request.answer().await
    };
    let ended = Instant::now();
    let seen = eventually(Duration::from_secs(60), async || {
        let seen = look().await;
        if seen.0 != 200 {
            return Ok(seen);
        }
        assert_eq!(seen.1["status"], "complete");
        Err(format!("it is still known: {}", seen.1))
    })
    .await;
    assert_eq!((seen.0, &seen.1["code"]), (404, &json!("not-found")));
    assert!(ended.elapsed() > Duration::from_secs(4), "for {:?} only", ended.elapsed());
    assert_eq!(stack.track(&stack.dev, complete(&started)).await.0, 404);
    let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
    assert_eq!((status, &body["uploadStatus"]), (410, &json!("complete")), "{body}");
    assert_stored(&stack, &first, &bytes).await;
    assert_eq!(stack.sql("SELECT status FROM upload_sessions").await[0][0]["status"], "complete", "its history stays");
}

#[tokio::test]
async fn sixteen_concurrent_completions_create_one_asset() {
    let stack = stack().await;
    let (started, bytes) = sent_session(stack, 11_000_000).await;
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let request = stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).json(&complete(&started));
            tokio::spawn(async move {
                let response = request.sent().await.unwrap();
                (response.status().as_u16(), response.json::<Value>().await.unwrap())
            })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    let first = answers[0].clone();
    assert_eq!(first.0, 200, "{}", first.1);
    assert!(answers.iter().all(|answer| *answer == first), "all get the same answer");
    let upload_id = started["uploadId"].as_str().unwrap();
    let completions = stack.proxy.seen(upload_id).iter().filter(|seen| seen.method == "POST").count();
    assert_eq!(completions, 1, "the store was asked once");
    assert_stored(stack, &first.1, &bytes).await;
}

#[tokio::test]
async fn file_hash_other_than_at_start_returns_422() {
    let stack = stack().await;
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    let start = json!({ "action": "start", "fileName": "h.bin", "fileSize": 100, "fileHash": a });
    let (status, started) = stack.track(&stack.dev, start).await;
    assert_eq!(status, 201);
    stack.send_all_parts(&started, &random_bytes(100)).await;
    let with = |hash: &str| json!({ "action": "complete", "sessionId": started["sessionId"], "fileHash": hash });
    let (status, body) = stack.track(&stack.dev, with(&b)).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (422, "file-hash-mismatch"));
    let (status, body) = stack.track(&stack.dev, with(&a)).await;
    assert_eq!((status, &body["asset"]["verification"], &body["asset"]["sha256"]), (200, &json!("pending"), &Value::Null));
}

/// Asserts what a user sees. It does not prove that `waitUntil` is used.
#[tokio::test]
async fn completion_continues_after_client_disconnects() {
    let stack = Stack::start(&[]).await;
    let (started, bytes) = sent_session(&stack, 10_500_000).await;
    stack.proxy.inject(|method, target| (method.as_str() == "POST" && target.contains("uploadId=")).then_some(Fault::Slow(1_500)));
    let call = stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).json(&complete(&started));
    assert!(call.timeout(Duration::from_millis(500)).sent().await.unwrap_err().is_timeout());
    let id = started["sessionId"].as_str().unwrap();
    assert_eq!(stack.session_state(&stack.dev, id).await["status"], "completing");
    eventually_every(Duration::from_millis(100), Duration::from_secs(20), async || {
        let state = stack.session_state(&stack.dev, id).await;
        done_or(state["status"] == "complete", state)
    })
    .await;
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 200, "{body}");
    assert_stored(&stack, &body, &bytes).await;
}

#[tokio::test]
async fn chunk_hashes_of_another_file_return_409_parts_differ() {
    let stack = stack().await;
    let (started, bytes) = sent_session(stack, 11_000_000).await;
    let hashes = |last: &[u8]| json!([sha256(&bytes[..10_000_000]), sha256(last)]);
    let with = |hashes: Value| json!({ "action": "complete", "sessionId": started["sessionId"], "chunkHashes": hashes });
    let (status, body) = stack.track(&stack.dev, with(hashes(b"another file's"))).await;
    assert_eq!((status, body["code"].as_str().unwrap(), &body["parts"]), (409, "parts-differ", &json!([2])));
    assert_eq!(stack.track(&stack.dev, with(json!(["x"]))).await.0, 422);
    let (status, body) = stack.track(&stack.dev, with(hashes(&bytes[10_000_000..]))).await;
    assert_eq!(status, 200, "{body}");
    assert_stored(stack, &body, &bytes).await;
}

#[tokio::test]
async fn upload_aborted_at_store_returns_410_and_session_is_failed() {
    let stack = stack().await;
    for discovered_by in ["complete", "chunk", "reconcile"] {
        let (started, bytes) = sent_session(stack, 10_500_000).await;
        let id = started["sessionId"].as_str().unwrap();
        // As a lifecycle rule of the store would do.
        stack.abort_at_store(&started).await;
        let (status, code) = match discovered_by {
            "complete" => {
                let (status, body) = stack.track(&stack.dev, complete(&started)).await;
                (status, body["code"].clone())
            }
            "chunk" => {
                let (status, body) = stack.chunk(&started, 2, &bytes[10_000_000..]).answer().await;
                (status, body["code"].clone())
            }
            _ => {
                let path = format!("/api/jetty/cache-chunk?sessionId={id}&reconcile=1");
                let (status, body) = stack.get(&stack.dev, &path).await;
                assert_eq!(body["status"], "failed");
                (status, json!("upload-closed"))
            }
        };
        assert_eq!(code, "upload-closed", "{discovered_by}");
        assert_eq!(status, if discovered_by == "reconcile" { 200 } else { 410 }, "{discovered_by}");
        assert_eq!(stack.session_state(&stack.dev, id).await["status"], "failed", "{discovered_by}");
        let open = stack.edge(&stack.dev).open_sessions().await.unwrap();
        assert!(open.iter().all(|session| session.session_id != id), "{discovered_by}: it is not offered for resuming");
    }
}

/// A stack of its own: injected faults apply to everybody behind the proxy.
#[tokio::test]
async fn lost_or_wrong_store_answer_to_completion_ends_in_the_whole_file() {
    let stack = Stack::start(&[]).await;
    let only_completion = |fault: Fault, times: u32| {
        let left = Arc::new(AtomicU32::new(times));
        stack.proxy.inject(move |method, target| {
            let hit = method.as_str() == "POST" && target.contains("uploadId=") && left.load(Ordering::SeqCst) > 0;
            hit.then(|| left.fetch_sub(1, Ordering::SeqCst)).map(|_| fault)
        });
    };
    for (name, fault, times) in [
        ("answer lost", Fault::LoseAnswer, 1),
        ("error inside a 200", Fault::ErrorInside, 1),
        ("503", Fault::Answer(503, "SlowDown"), 2),
        ("500", Fault::Answer(500, "InternalError"), 1),
    ] {
        let (started, bytes) = sent_session(&stack, 10_500_000).await;
        only_completion(fault, times);
        let (status, body) = stack.track(&stack.dev, complete(&started)).await;
        assert_eq!(status, 200, "{name}: {body}");
        assert_stored(&stack, &body, &bytes).await;
    }

    // The store stays down: 503, nothing is lost, and the next call succeeds.
    let (started, bytes) = sent_session(&stack, 10_500_000).await;
    only_completion(Fault::Answer(503, "SlowDown"), u32::MAX);
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!((status, body["code"].as_str().unwrap(), &body["retryAfter"]), (503, "origin-unavailable", &json!(2)), "{body}");
    stack.proxy.clear_faults();
    assert_eq!(stack.session_state(&stack.dev, started["sessionId"].as_str().unwrap()).await["status"], "uploading");
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 200, "{body}");
    assert_stored(&stack, &body, &bytes).await;

    // The store completed, its answer is lost, and the Worker cannot look: the next call finds the object.
    let (started, bytes) = sent_session(&stack, 10_500_000).await;
    stack.proxy.inject(|method, target| {
        let completion = method.as_str() == "POST" && target.contains("uploadId=");
        if completion { Some(Fault::LoseAnswer) } else { (method.as_str() == "HEAD").then_some(Fault::Answer(503, "SlowDown")) }
    });
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 503, "{body}");
    stack.proxy.clear_faults();
    // Neither a reconciliation nor a late part discards what the store has completed.
    let id = started["sessionId"].as_str().unwrap();
    let reconcile = stack.request(Method::GET, &format!("/api/jetty/cache-chunk?sessionId={id}&reconcile=1"), &stack.dev);
    assert_eq!(reconcile.answer().await.1["status"], "uploading");
    let (status, body) = stack.chunk(&started, 1, &bytes[..10_000_000]).answer().await;
    assert!(status == 200 || (status, &body["uploadStatus"]) == (410, &json!("completing")), "{status} {body}");
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 200, "{body}");
    assert_stored(&stack, &body, &bytes).await;

    // A wrong NoSuchUpload, contradicted by the store's listing, does not end the session.
    let (started, bytes) = sent_session(&stack, 10_500_000).await;
    only_completion(Fault::Answer(404, "NoSuchUpload"), u32::MAX);
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (503, "origin-unavailable"), "{body}");
    stack.proxy.clear_faults();
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 200, "{body}");
    assert_stored(&stack, &body, &bytes).await;

    // A part arrived at the store without being recorded: the part list is refused, reconciled, and completed within the same call.
    let (started, bytes) = sent_session(&stack, 10_500_000).await;
    stack.proxy.inject(|method, _| (method.as_str() == "PUT").then_some(Fault::LoseAnswer));
    let again = stack.chunk(&started, 2, &bytes[10_000_000..]).sent().await.unwrap();
    assert_eq!(again.status(), 503);
    only_completion(Fault::Answer(400, "InvalidPart"), 1);
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 200, "{body}");
    assert_stored(&stack, &body, &bytes).await;
    stack.proxy.clear_faults();

    // A part that the store refuses is reported as such, and not recorded.
    let bytes = random_bytes(100);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    stack.proxy.inject(|method, _| (method.as_str() == "PUT").then_some(Fault::Answer(403, "RequestTimeTooSkewed")));
    let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
    assert_eq!((status, body["code"].as_str().unwrap()), (502, "origin-clock-skew"));
    // The store can be asked and does not say why its answer was lost, so the client may repeat the part.
    stack.proxy.inject(|method, _| (method.as_str() == "PUT").then_some(Fault::LoseAnswer));
    let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
    assert_eq!((status, body["code"].as_str().unwrap()), (503, "origin-unavailable"));
    let id = started["sessionId"].as_str().unwrap();
    assert_eq!(stack.session_state(&stack.dev, id).await["missing"], json!([1]));
    stack.proxy.clear_faults();
    // That part did reach the store: reconciling adopts it, and the upload completes without sending it again.
    let reconciled = stack.request(Method::GET, &format!("/api/jetty/cache-chunk?sessionId={id}&reconcile=1"), &stack.dev).sent().await.unwrap();
    let (_, state) = answer(reconciled).await;
    assert_eq!((&state["missing"], &state["completed"][0]["sha256"]), (&json!([]), &Value::Null));
    let (status, body) = stack.track(&stack.dev, complete(&started)).await;
    assert_eq!(status, 200, "{body}");
    assert_stored(&stack, &body, &bytes).await;
}
