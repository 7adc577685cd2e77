//! `track-upload` with `start`: what is refused before a byte is sent, and who sees which session.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, answer, stack};

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
    let send = |body: &str| stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).body(body.to_owned()).send();
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
    let (status, body) = stack.track(&stack.dev, json!({ "action": "start", "fileName": "a", "fileSize": 25_000_000, "chunkSize": 5_242_880 })).await;
    assert_eq!((status, &body["strategy"]["chunkSize"]), (409, &json!(10_000_000)));
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

    let list = |account| stack.request(Method::GET, "/api/jetty/sessions?status=open&limit=500", account).send();
    let has = |body: &Value| body["sessions"].as_array().unwrap().iter().any(|session| session["sessionId"] == id);
    assert!(has(&answer(list(&stack.dev).await.unwrap()).await.1));
    assert!(!has(&answer(list(&stack.other).await.unwrap()).await.1));
}
