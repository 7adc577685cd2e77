//! What belongs to no resource: health, problem pages, unknown routes, CORS, the switch that turns acceleration off.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, answer, stack};

#[tokio::test]
async fn health_and_problem_return_200_and_unknown_route_404() {
    let stack = stack().await;
    let blob = r#"{"colo":"FRA","country":"DE","latitude":"50.1","longitude":"8.7","clientAcceptEncoding":""}"#;
    let edges = stack.request(Method::POST, "/api/jetty/optimal-edges", &stack.free).header("MF-CF-Blob", blob);
    let (status, body) = edges.json(&json!({ "fileSize": 20_000_000_000_u64 })).answer().await;
    assert_eq!(status, 200, "tier limits do not apply here: {body}");
    assert_eq!(body["strategy"], json!({ "chunkSize": 100_000_000, "chunkCount": 200, "threads": 32 }));
    assert_eq!(body["client"], json!({ "colo": "FRA", "country": "DE", "lat": 50.1, "lon": 8.7 }));
    assert_eq!((&body["edges"][0]["id"], &body["edges"][0]["url"]), (&json!("fra"), &json!(stack.url)));
    assert_eq!(body["duplicate"], Value::Null);

    let (status, body) = stack.anonymous(Method::GET, "/api/health").answer().await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")));
    assert!(body["schema"].as_u64().unwrap() >= 1 && body["version"].is_string());
    let deep = stack.anonymous(Method::GET, "/api/health?deep=1");
    assert_eq!(deep.try_clone().unwrap().answer().await.0, 401);
    let (status, body) = deep.bearer_auth(&stack.secrets.admin_token).answer().await;
    assert_eq!((status, &body["checks"]), (200, &json!({ "d1": true, "origin": true })));
    let (status, body) = stack.anonymous(Method::GET, "/problems/parts-missing").answer().await;
    assert_eq!((status, &body["code"]), (200, &json!("parts-missing")));

    assert_eq!(stack.anonymous(Method::GET, "/nowhere").answer().await.0, 404);
    let response = stack.anonymous(Method::DELETE, "/api/jetty/sessions").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
    assert_eq!(answer(response).await.0, 405);
    let preflight = stack.anonymous(Method::OPTIONS, "/api/jetty-speed/chunk").header("Origin", "https://app.example.com");
    let preflight = preflight.header("Access-Control-Request-Headers", "x-upload-token").send().await.unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-headers"], "x-upload-token");
}

#[tokio::test]
async fn acceleration_off_returns_503_and_cors_lists_only_allowed_origins() {
    let off = Stack::start(&[("JETTYSPEED_ENABLED", "false"), ("CORS_ORIGINS", "https://app.example.com")]).await;
    let (status, body) = answer_plain(
        off.request(Method::POST, "/api/jetty/track-upload", &off.dev)
            .json(&json!({ "action": "start", "fileName": "a.bin", "fileSize": 1 }))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, body["code"].as_str().unwrap()), (503, "acceleration-off"));
    let asked = |origin: &'static str| off.anonymous(Method::GET, "/api/health").header("Origin", origin).send();
    assert_eq!(asked("https://app.example.com").await.unwrap().headers()["access-control-allow-origin"], "https://app.example.com");
    assert!(!asked("https://evil.example.com").await.unwrap().headers().contains_key("access-control-allow-origin"));
    drop(off);
}

/// An answer of a deployment whose CORS list does not name the caller's origin.
async fn answer_plain(response: reqwest::Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}
