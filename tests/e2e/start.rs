//! Starting: what is refused before a byte moves, and who sees which session.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Stack, answer, stack};

fn start(size: u64) -> Value {
    json!({ "action": "start", "fileName": "a.bin", "fileSize": size })
}

#[tokio::test]
async fn tiers_decide_before_a_byte_moves() {
    let stack = stack().await;
    let mb = 1_000_000;
    for (account, size, status, code) in [
        (&stack.free, 1, 403, "tier-forbidden"),
        (&stack.starter, 1, 403, "tier-forbidden"),
        (&stack.pro, 500 * mb + 1, 413, "file-too-large"),
        (&stack.suspended, 1, 403, "account-suspended"),
    ] {
        let (got, body) = stack.track(account, start(size)).await;
        assert_eq!((got, body["code"].as_str().unwrap()), (status, code), "{body}");
    }
    let (status, body) = stack.track(&stack.pro, start(500 * mb)).await;
    assert_eq!((status, &body["strategy"]["chunkCount"]), (201, &json!(10)));
    let (_, body) = stack.track(&stack.pro, start(501 * mb)).await;
    assert_eq!((&body["limit"], &body["size"]), (&json!(500 * mb), &json!(501 * mb)));
}

#[tokio::test]
async fn bad_bodies_are_told_apart() {
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
async fn a_session_is_its_accounts_alone() {
    let stack = stack().await;
    let started = stack.started(&stack.dev, 100).await;
    let id = started["sessionId"].as_str().unwrap();
    let absent = "00000000-0000-4000-8000-000000000000";
    for (action, path) in [("complete", id), ("fail", id), ("progress", id)] {
        let (status, body) = stack.track(&stack.other, json!({ "action": action, "sessionId": path })).await;
        let (absent_status, absent_body) = stack.track(&stack.other, json!({ "action": action, "sessionId": absent })).await;
        assert_eq!((status, &body["code"], &body["detail"]), (404, &absent_body["code"], &absent_body["detail"]));
        assert_eq!(status, absent_status);
    }
    let path = format!("/api/jetty/cache-chunk?sessionId={id}");
    assert_eq!(answer(stack.request(Method::GET, &path, &stack.other).send().await.unwrap()).await.0, 404);
    assert_eq!(answer(stack.anonymous(Method::GET, &path).send().await.unwrap()).await.0, 401);
    let token = started["uploadToken"].as_str().unwrap();
    let (status, body) = answer(stack.anonymous(Method::GET, &path).header("X-Upload-Token", token).send().await.unwrap()).await;
    assert_eq!((status, &body["missing"]), (200, &json!([1])));
    let (status, body) = answer(
        stack
            .anonymous(Method::POST, "/api/jetty/track-upload")
            .bearer_auth(token)
            .json(&json!({ "action": "progress", "sessionId": id }))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, body["sessionId"].as_str()), (200, Some(id)));
    let fail = json!({ "action": "fail", "sessionId": id });
    let (status, _) = answer(stack.anonymous(Method::POST, "/api/jetty/track-upload").bearer_auth(token).json(&fail).send().await.unwrap()).await;
    assert_eq!(status, 401, "a token sends parts, it does not end uploads");

    let list = |account| stack.request(Method::GET, "/api/jetty/sessions?status=open&limit=500", account).send();
    let has = |body: &Value| body["sessions"].as_array().unwrap().iter().any(|session| session["sessionId"] == id);
    assert!(has(&answer(list(&stack.dev).await.unwrap()).await.1));
    assert!(!has(&answer(list(&stack.other).await.unwrap()).await.1));
}

#[tokio::test]
async fn edges_health_problems_and_what_does_not_exist() {
    let stack = stack().await;
    let blob = r#"{"colo":"FRA","country":"DE","latitude":"50.1","longitude":"8.7","clientAcceptEncoding":""}"#;
    let edges = stack.request(Method::POST, "/api/jetty/optimal-edges", &stack.free).header("MF-CF-Blob", blob);
    let (status, body) = answer(edges.json(&json!({ "fileSize": 20_000_000_000_u64 })).send().await.unwrap()).await;
    assert_eq!(status, 200, "tier limits do not apply here: {body}");
    assert_eq!(body["strategy"], json!({ "chunkSize": 100_000_000, "chunkCount": 200, "threads": 32 }));
    assert_eq!(body["client"], json!({ "colo": "FRA", "country": "DE", "lat": 50.1, "lon": 8.7 }));
    assert_eq!((&body["edges"][0]["id"], &body["edges"][0]["url"]), (&json!("fra"), &json!(stack.url)));
    assert_eq!(body["duplicate"], Value::Null);

    let (status, body) = answer(stack.anonymous(Method::GET, "/api/health").send().await.unwrap()).await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")));
    assert!(body["schema"].as_u64().unwrap() >= 1 && body["version"].is_string());
    let deep = stack.anonymous(Method::GET, "/api/health?deep=1");
    assert_eq!(answer(deep.try_clone().unwrap().send().await.unwrap()).await.0, 401);
    let (status, body) = answer(deep.bearer_auth(&stack.secrets.admin_token).send().await.unwrap()).await;
    assert_eq!((status, &body["checks"]), (200, &json!({ "d1": true, "origin": true })));
    let (status, body) = answer(stack.anonymous(Method::GET, "/problems/parts-missing").send().await.unwrap()).await;
    assert_eq!((status, &body["code"]), (200, &json!("parts-missing")));

    assert_eq!(answer(stack.anonymous(Method::GET, "/nowhere").send().await.unwrap()).await.0, 404);
    let response = stack.anonymous(Method::DELETE, "/api/jetty/sessions").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
    assert_eq!(answer(response).await.0, 405);
    let preflight = stack.anonymous(Method::OPTIONS, "/api/jetty-speed/chunk").header("Origin", "https://app.example.com");
    let preflight = preflight.header("Access-Control-Request-Headers", "x-upload-token").send().await.unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-headers"], "x-upload-token");
}

#[tokio::test]
async fn credentials_must_be_right() {
    let stack = stack().await;
    let get = |key: &str, secret: &str| stack.anonymous(Method::GET, "/api/storage/files").bearer_auth(key).header("X-API-Secret", secret).send();
    let (dev, other) = (&stack.dev, &stack.other);
    assert_eq!(answer(get(&dev.api_key, &dev.api_secret).await.unwrap()).await.0, 200);
    let alias = stack.anonymous(Method::GET, "/api/storage/files").header("X-API-Key", &dev.api_key).header("X-API-Secret", &dev.api_secret);
    assert_eq!(answer(alias.send().await.unwrap()).await.0, 200);
    for (key, secret) in [(&dev.api_key, &other.api_secret), (&other.api_key, &dev.api_secret), (&"jt_live_x".to_owned(), &dev.api_secret)] {
        let (status, body) = answer(get(key, secret).await.unwrap()).await;
        assert_eq!((status, body["code"].as_str().unwrap()), (401, "unauthenticated"));
    }
}

#[tokio::test]
async fn switched_off_or_misconfigured_the_worker_says_so() {
    let off = Stack::start(&[("JETTYSPEED_ENABLED", "false"), ("CORS_ORIGINS", "https://app.example.com")]).await;
    let (status, body) = answer_plain(off.request(Method::POST, "/api/jetty/track-upload", &off.dev).json(&start(1)).send().await.unwrap()).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (503, "acceleration-off"));
    let asked = |origin: &'static str| off.anonymous(Method::GET, "/api/health").header("Origin", origin).send();
    assert_eq!(asked("https://app.example.com").await.unwrap().headers()["access-control-allow-origin"], "https://app.example.com");
    assert!(!asked("https://evil.example.com").await.unwrap().headers().contains_key("access-control-allow-origin"));
    drop(off);
}

/// An answer of a deployment whose CORS list does not name us.
async fn answer_plain(response: reqwest::Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}
