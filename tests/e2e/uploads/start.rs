//! `track-upload` with `start`: what is refused before a byte is sent, and who sees which session.

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, answer, random_bytes, sha256, stack, unique};

fn start_body(size: u64) -> Value {
    json!({ "action": "start", "fileName": "a.bin", "fileSize": size })
}

#[tokio::test]
async fn start_beyond_the_tier_returns_403_or_413() {
    let stack = stack().await;
    let mb = 1_000_000;
    for (account, size, status, code) in [
        (&stack.free, 1, 403, "tier-forbidden"),
        (&stack.starter, 1, 403, "tier-forbidden"),
        (&stack.pro, 500 * mb + 1, 413, "file-too-large"),
        (&stack.suspended, 1, 403, "account-suspended"),
    ] {
        let (got, body) = stack.track(account, start_body(size)).await;
        assert_eq!((got, body["code"].as_str().unwrap()), (status, code), "{body}");
    }
    let (status, body) = stack.track(&stack.pro, start_body(500 * mb)).await;
    assert_eq!((status, &body["strategy"]["chunkCount"]), (201, &json!(10)));
    let (_, body) = stack.track(&stack.pro, start_body(501 * mb)).await;
    assert_eq!((&body["limit"], &body["size"]), (&json!(500 * mb), &json!(501 * mb)));
}

#[tokio::test]
async fn malformed_start_body_returns_400_404_413_or_422() {
    let stack = stack().await;
    let send = |body: &str| stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).body(body.to_owned()).sent();
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("{\"action\":\"start\",\"fileName\":\"a\",\"fileSize\":1}x", 400),
        ("{}", 422),
        ("{\"action\":\"dance\"}", 422),
        ("{\"action\":\"start\"}", 422),
        ("{\"action\":\"start\",\"fileName\":\"a\",\"fileSize\":0}", 422),
        ("{\"action\":\"start\",\"fileName\":\"a\",\"fileSize\":1.5}", 422),
        ("{\"action\":\"start\",\"fileName\":\"a\",\"fileSize\":1e300}", 422),
        ("{\"action\":\"start\",\"fileName\":7,\"fileSize\":1}", 422),
        ("{\"action\":\"start\",\"fileName\":\"a\\u0000\",\"fileSize\":1}", 422),
        ("{\"action\":\"start\",\"fileName\":\"a\",\"fileSize\":1,\"fileHash\":\"zz\"}", 422),
        ("{\"action\":\"start\",\"fileName\":\"a\",\"fileSize\":1,\"namespace\":\"jt_user_other\"}", 404),
        ("{\"action\":\"start\",\"fileName\":\"a\",\"fileSize\":1,\"namespace\":\"absent\"}", 404),
        ("{\"action\":\"complete\",\"sessionId\":\"nonsense\"}", 404),
        ("{\"action\":\"start\",\"fileName\":\"a\",\"fileSize\":1,\"future\":[1]}", 201),
    ] {
        let (got, answer) = answer(send(body).await.unwrap()).await;
        assert_eq!(got, status, "{body} -> {answer}");
    }
    let large = format!("{{\"action\":\"start\",\"pad\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    assert_eq!(answer(send(&large).await.unwrap()).await.0, 413);
}

#[tokio::test]
async fn start_takes_a_chunk_size_down_to_5_mib_and_refuses_others_with_strategy_or_bounds() {
    let stack = stack().await;
    let start = async |size: u64, chunk: u64| {
        stack.track(&stack.dev, json!({ "action": "start", "fileName": "a", "fileSize": size, "chunkSize": chunk })).await
    };
    let (status, body) = start(25_000_000, 10_000_001).await;
    assert_eq!((status, &body["code"]), (409, &json!("plan-mismatch")));
    assert_eq!(body["strategy"], json!({ "chunkSize": 10_000_000, "chunkCount": 3, "threads": 16 }));
    for (size, chunk, least) in [(25_000_000, 5_242_879, 5_242_880), (52_428_800_001, 5_242_880, 5_242_881)] {
        let (status, body) = start(size, chunk).await;
        assert_eq!(
            (status, &body["field"], &body["minimum"], &body["maxParts"]),
            (422, &json!("chunkSize"), &json!(least), &json!(10_000)),
            "{body}"
        );
    }
    // A file of two such parts, from start to its bytes.
    let bytes = random_bytes(5_242_880 + 7);
    let start = json!({ "action": "start", "fileName": "two.bin", "fileSize": bytes.len(), "chunkSize": 5_242_880 });
    let (status, started) = stack.track(&stack.dev, start).await;
    assert_eq!((status, &started["strategy"]["chunkCount"], &started["missingParts"]), (201, &json!(2), &json!([1, 2])), "{started}");
    for (number, part) in (1..).zip(bytes.chunks(5_242_880)) {
        let (status, body) = stack.chunk(&started, number, part).answer().await;
        assert_eq!(status, 200, "{body}");
    }
    let (status, done) = stack.track(&stack.dev, json!({ "action": "complete", "sessionId": started["sessionId"] })).await;
    assert_eq!((status, &done["chunks"], &done["bytesSent"]), (200, &json!(2), &json!(bytes.len())), "{done}");
}

#[tokio::test]
async fn optimal_edges_and_start_plan_with_the_chunk_size_of_the_namespace() {
    let stack = stack().await;
    let namespace = stack.namespace("jt_customer_figures_plan").field("chunk_size", json!(20_000_000)).create().await;
    let advise = async |body: Value| stack.request(Method::POST, "/api/jetty/optimal-edges", &stack.dev).json(&body).answer().await;
    let of_namespace = json!({ "fileSize": 50_000_000, "namespace": namespace });
    assert_eq!(advise(of_namespace.clone()).await.0, 404, "not a member yet");
    stack.add_member(&namespace, &stack.dev.user_id).await;
    let wanted = json!({ "chunkSize": 20_000_000, "chunkCount": 3, "threads": 16 });
    assert_eq!(advise(of_namespace).await.1["strategy"], wanted);
    let own = advise(json!({ "fileSize": 50_000_000, "namespace": null })).await.1;
    assert_eq!(own["strategy"]["chunkSize"], 10_000_000, "the account's own");
    let start = json!({ "action": "start", "fileName": "a", "fileSize": 50_000_000, "namespace": namespace });
    let (status, started) = stack.track(&stack.dev, start).await;
    assert_eq!((status, &started["strategy"]), (201, &wanted), "{started}");
    let (status, problem) = advise(json!({ "fileSize": 1, "namespace": "../x" })).await;
    assert_eq!((status, &problem["field"]), (422, &json!("namespace")));
}

#[tokio::test]
async fn optimal_edges_tell_whether_a_file_of_that_size_or_with_that_chunk_may_be_stored() {
    let stack = stack().await;
    let account = stack.account(&unique("foresees-")).create().await;
    let other = stack.account(&unique("foresees-other-")).create().await;
    let bytes = random_bytes(5_300_000);
    let (first, chunk_size) = (sha256(&bytes[..5_242_880]), 5_242_880);
    let advise = async |account: &AccountAccess, size: usize, hashes: Value| {
        let body = json!({ "fileSize": size, "chunkHashes": hashes });
        let (status, advice) = stack.request(Method::POST, "/api/jetty/optimal-edges", account).json(&body).answer().await;
        (status, advice["mayBeStored"].clone(), advice["storedChunks"].clone())
    };
    assert_eq!(advise(&account, bytes.len(), json!([first])).await, (200, json!(false), json!([])));
    let started = stack.session(&account).size(bytes.len()).field("chunkSize", json!(chunk_size)).start().await;
    for (number, chunk) in (1..).zip(bytes.chunks(chunk_size)) {
        assert_eq!(stack.chunk(&started, number, chunk).answer().await.0, 200);
    }
    let complete = json!({ "action": "complete", "sessionId": started["sessionId"] });
    assert_eq!(stack.track(&account, complete).await.0, 200);
    assert_eq!(advise(&account, bytes.len(), json!(null)).await, (200, json!(true), json!([])), "an object of that size");
    assert_eq!(advise(&account, bytes.len() + 1, json!([])).await, (200, json!(false), json!([])));
    assert_eq!(advise(&account, bytes.len() + 1, json!([first, sha256(b"absent")])).await, (200, json!(true), json!([first])), "a chunk of it");
    assert_eq!(advise(&other, bytes.len(), json!([first])).await, (200, json!(false), json!([])), "nothing of another's namespace");
    assert_eq!(advise(&account, 1, json!(["x"])).await.0, 422);
    assert_eq!(advise(&account, 1, json!(vec![first.clone(); 17])).await.0, 422);
}

#[tokio::test]
async fn session_of_another_account_returns_404_like_an_absent_one() {
    let stack = stack().await;
    let started = stack.session(&stack.dev).size(100).start().await;
    let id = started["sessionId"].as_str().unwrap();
    let absent = "00000000-0000-4000-8000-000000000000";
    for (action, path) in [("complete", id), ("fail", id), ("progress", id)] {
        let (status, body) = stack.track(&stack.other, json!({ "action": action, "sessionId": path })).await;
        let (absent_status, absent_body) = stack.track(&stack.other, json!({ "action": action, "sessionId": absent })).await;
        assert_eq!((status, &body["code"], &body["detail"]), (404, &absent_body["code"], &absent_body["detail"]));
        assert_eq!(status, absent_status);
    }
    let path = format!("/api/jetty/cache-chunk?sessionId={id}");
    assert_eq!(stack.get(&stack.other, &path).await.0, 404);
    assert_eq!(stack.anonymous(Method::GET, &path).answer().await.0, 401);
    let token = started["uploadToken"].as_str().unwrap();
    let (status, body) = stack.anonymous(Method::GET, &path).header("X-Upload-Token", token).answer().await;
    assert_eq!((status, &body["missing"]), (200, &json!([1])));
    let (status, body) = stack
        .anonymous(Method::POST, "/api/jetty/track-upload")
        .bearer_auth(token)
        .json(&json!({ "action": "progress", "sessionId": id }))
        .answer()
        .await;
    assert_eq!((status, body["sessionId"].as_str()), (200, Some(id)));
    let fail = json!({ "action": "fail", "sessionId": id });
    let (status, _) = stack.anonymous(Method::POST, "/api/jetty/track-upload").bearer_auth(token).json(&fail).answer().await;
    assert_eq!(status, 401, "a token sends parts, it does not end uploads");

    let list = |account| stack.request(Method::GET, "/api/jetty/sessions?status=open&limit=500", account).sent();
    let has = |body: &Value| body["sessions"].as_array().unwrap().iter().any(|session| session["sessionId"] == id);
    assert!(has(&answer(list(&stack.dev).await.unwrap()).await.1));
    assert!(!has(&answer(list(&stack.other).await.unwrap()).await.1));
}
