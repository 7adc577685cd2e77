//! Parts through the Worker: what it accepts, how it answers, and what reaches the store.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::harness::{Call, Stack, action, answer, random_bytes, sha256, stack};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_edge::auth::receipt::Receipt;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sha256::Sha256Hex;

#[tokio::test]
async fn part_returns_200_with_receipt_and_repeated_part_is_recorded_once() {
    let stack = stack().await;
    let bytes = random_bytes(12_000_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    assert_eq!(started["strategy"], json!({ "chunkSize": 10_000_000, "chunkCount": 2, "threads": 16 }));
    assert_eq!(started["missingParts"], json!([1, 2]));
    let blob = r#"{"colo":"SIN","country":"SG","clientAcceptEncoding":""}"#;
    for _ in 0..2 {
        let (status, body) = stack.chunk(&started, 2, &bytes[10_000_000..]).header("MF-CF-Blob", blob).answer().await;
        assert_eq!(status, 200, "{body}");
        assert_eq!((&body["partNumber"], &body["size"], &body["edge"]), (&json!(2), &json!(2_000_000), &json!("sin")));
        assert_eq!(body["sha256"], sha256(&bytes[10_000_000..]));
        let hash = Sha256Hex::parse(body["sha256"].as_str().unwrap());
        let receipt = Receipt {
            session: Id::parse(started["sessionId"].as_str().unwrap()).unwrap(),
            part_number: 2,
            size: 2_000_000,
            sha256: hash.as_ref(),
            etag: body["etag"].as_str().unwrap(),
        };
        assert!(receipt.verify(body["receipt"].as_str().unwrap(), &stack.token_keys()));
    }
    let state = stack.session_state(&stack.dev, started["sessionId"].as_str().unwrap()).await;
    assert_eq!((&state["missing"], &state["bytesUploaded"], &state["percent"]), (&json!([1]), &json!(2_000_000), &json!(16.6)));
    assert_eq!(state["completed"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_form_of_part_request_returns_200() {
    let stack = stack().await;
    let bytes = random_bytes(1_000);
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&bytes)));
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    let session = started["sessionId"].as_str().unwrap();
    let token = started["uploadToken"].as_str().unwrap();
    let put = format!("/api/jetty-speed/{session}/1");
    let post = "/api/jetty-speed/chunk";
    let requests = [
        stack.anonymous(Method::PUT, &put).header("X-Upload-Token", token).header("Content-Digest", &digest),
        stack.anonymous(Method::PUT, &put).bearer_auth(token).header("X-Chunk-SHA256", sha256(&bytes)),
        stack.request(Method::PUT, &put, &stack.dev).header("X-Chunk-SHA256", sha256(&bytes)),
        stack.request(Method::POST, post, &stack.dev).header("X-Upload-Id", session).header("X-Part-Number", "1").header("Content-Digest", &digest),
        stack
            .request(Method::POST, post, &stack.dev)
            .header("X-Upload-Id", started["uploadId"].as_str().unwrap())
            .header("X-Namespace", "jt_user_dev")
            .header("X-Part-Number", "1")
            .header("Content-Digest", &digest),
    ];
    for (index, request) in requests.into_iter().enumerate() {
        let (status, body) = request.body(bytes.clone()).answer().await;
        assert_eq!(status, 200, "form {index}: {body}");
    }
}

#[tokio::test]
async fn unsigned_namespace_accepts_part_without_hash_and_sets_chunk_size() {
    let stack = stack().await;
    let bytes = random_bytes(6_000_000);
    let started = stack.session(&stack.unsigned).size(bytes.len()).start().await;
    assert_eq!(started["strategy"]["chunkSize"], 5 * 1024 * 1024);
    for (part, piece) in bytes.chunks(5 * 1024 * 1024).enumerate() {
        let request = stack
            .anonymous(Method::POST, "/api/jetty-speed/chunk")
            .header("X-Upload-Token", started["uploadToken"].as_str().unwrap())
            .header("X-Part-Number", (part + 1).to_string());
        let (status, body) = request.body(piece.to_vec()).answer().await;
        assert_eq!((status, &body["sha256"]), (200, &json!(null)), "{body}");
    }
}

#[tokio::test]
async fn part_without_content_length_returns_411_and_never_reaches_the_store() {
    let stack = stack().await;
    let bytes = random_bytes(11_000_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    // Only the first bytes are sent: the refusal does not wait for the rest and closes the connection.
    let first = futures_util::stream::iter(vec![Ok::<_, std::io::Error>(bytes[..1_000].to_vec())]);
    let unsized_body = reqwest::Body::wrap_stream(futures_util::StreamExt::chain(first, futures_util::stream::pending()));
    let (status, _) = stack.chunk(&started, 1, &bytes[..10_000_000]).body(unsized_body).answer().await;
    assert_eq!(status, 411);
    stack.send_all_parts(&started, &bytes).await;
    let (status, _) = stack.track(&stack.dev, action("complete", &started)).await;
    assert_eq!(status, 200);
    // The proxy refuses a missing Content-Length, as strict stores do; so it must never have seen one.
    let seen = stack.proxy.seen("");
    assert!(seen.iter().any(|seen| seen.upload_part().is_some()));
    assert!(seen.iter().all(|seen| seen.status != 411), "a request without Content-Length reached the store");
    assert!(seen.iter().filter(|seen| matches!(seen.method.as_str(), "PUT" | "POST")).all(|seen| seen.content_length.is_some()));
}

#[tokio::test]
async fn store_fault_on_small_part_is_retried_by_the_worker() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("replayed").tier("pro").create().await;
    let bytes = random_bytes(400_000);
    for fault in [Fault::LoseAnswer, Fault::Answer(503, "SlowDown"), Fault::Answer(500, "InternalError")] {
        let started = stack.session(&account).size(bytes.len()).start().await;
        let key = started["uploadId"].as_str().unwrap().to_owned();
        let mut left = 2;
        stack.proxy.inject(move |method, target| {
            let hit = method == "PUT" && target.contains("partNumber") && left > 0;
            left -= u32::from(hit);
            hit.then_some(fault)
        });
        let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
        stack.proxy.clear_faults();
        assert_eq!((status, &body["size"]), (200, &json!(400_000)), "{fault:?}: {body}");
        let sent = stack.proxy.seen("partNumber=1").iter().filter(|seen| seen.target.contains(&key)).count();
        assert_eq!(sent, 3, "{fault:?}");
        let (status, body) = stack.track(&account, action("complete", &started)).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(stack.bucket.get(body["asset"]["s3Key"].as_str().unwrap()).await.as_deref(), Some(&bytes[..]));
    }
    // A refused part is not retried, and a permanent fault is reported after three attempts.
    let started = stack.session(&account).size(bytes.len()).start().await;
    let key = started["uploadId"].as_str().unwrap().to_owned();
    let count = || stack.proxy.seen("partNumber=1").iter().filter(|seen| seen.target.contains(&key)).count();
    let mut wrong = stack.chunk(&started, 1, &bytes).build().unwrap();
    wrong.headers_mut().insert("X-Chunk-SHA256", sha256(b"other").parse().unwrap());
    let (status, body) = answer(stack.http.execute(wrong).await.unwrap()).await;
    assert_eq!((status, &body["code"], count()), (422, &json!("chunk-hash-mismatch"), 1));
    stack.proxy.inject(|method, target| (method == "PUT" && target.contains("partNumber")).then_some(Fault::Answer(503, "SlowDown")));
    let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
    stack.proxy.clear_faults();
    assert_eq!((status, &body["code"], count()), (503, &json!("origin-unavailable"), 4));
}

#[tokio::test]
async fn part_over_replay_limit_is_sent_to_the_store_once() {
    let stack = Stack::start(&[("REPLAY_MAX_BYTES", "1000")]).await;
    let account = stack.account("streamed").tier("pro").create().await;
    let bytes = random_bytes(1_001);
    let started = stack.session(&account).size(bytes.len()).start().await;
    stack.proxy.inject(|method, target| (method == "PUT" && target.contains("partNumber")).then_some(Fault::Answer(503, "SlowDown")));
    assert_eq!(stack.chunk(&started, 1, &bytes).answer().await.0, 503);
    assert_eq!(stack.proxy.seen("partNumber=1").len(), 1);
    stack.proxy.clear_faults();
    assert_eq!(stack.chunk(&started, 1, &bytes).answer().await.0, 200);
}

#[tokio::test]
async fn store_ignoring_payload_hash_is_detected_and_worker_checks_the_hash() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("probe").tier("pro").create().await;
    let health = async |deep: &str| stack.operator(Method::GET, &format!("/api/health{deep}")).answer().await.1;
    assert_eq!(health("").await["payloadHashEnforced"], json!(null));
    // The store accepts the wrong hash of the probe; the object of the health check it keeps.
    stack.proxy.inject(|method, target| {
        let is_probe = target.contains("jettyspeed-probe") && !target.contains("03030303");
        (method == "PUT" && is_probe).then_some(Fault::Answer(200, ""))
    });
    assert_eq!(health("?deep=1").await["payloadHashEnforced"], false);
    assert_eq!(health("").await["payloadHashEnforced"], false);
    let bytes = random_bytes(100_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    let mut wrong = stack.chunk(&started, 1, &bytes).build().unwrap();
    wrong.headers_mut().insert("X-Chunk-SHA256", sha256(b"other").parse().unwrap());
    let (status, body) = answer(stack.http.execute(wrong).await.unwrap()).await;
    assert_eq!((status, &body["code"]), (422, &json!("chunk-hash-mismatch")));
    assert_eq!(stack.proxy.seen("partNumber=1").len(), 0, "found out before the store saw it");
    assert_eq!(stack.chunk(&started, 1, &bytes).answer().await.0, 200);
    let (status, _) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200);
    assert!(stack.sql("SELECT * FROM chunks").await[0].is_empty(), "hashes that the store did not check are offered to nobody");
    assert_eq!(stack.bucket.get(&stack.proxy.seen("jettyspeed-probe")[0].target).await, None);

    let honest = Stack::start(&[]).await;
    let answered = honest.operator(Method::GET, "/api/health?deep=1").answer().await.1;
    assert_eq!(answered["payloadHashEnforced"], true, "{answered}");
}
