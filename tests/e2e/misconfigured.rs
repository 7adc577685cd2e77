//! A deployment that lacks a secret: it says which, and refuses everything else in the form of every other refusal.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, answer, header};

#[tokio::test]
async fn missing_secret_is_named_by_health_and_every_other_route_returns_503_as_a_problem() {
    let stack = Stack::misconfigured("CREDENTIAL_KEY").await;
    // Twice: nothing that the first round leaves behind changes the second.
    for _ in 0..2 {
        let health = stack.anonymous(Method::GET, "/api/health").with_new_address().sent().await.unwrap();
        let told = (health.status().as_u16(), header(&health, "content-type"), header(&health, "access-control-allow-origin"));
        assert_eq!(told, (503, "application/json".to_owned(), "*".to_owned()));
        let body: Value = health.json().await.unwrap();
        assert_eq!((&body["status"], &body["names"]), (&json!("misconfigured"), &json!(["CREDENTIAL_KEY"])), "{body}");
        let start = json!({ "action": "start", "fileName": "a.bin", "fileSize": 1 });
        let requests = [
            stack.request(Method::POST, "/api/jetty/track-upload", &stack.dev).json(&start),
            stack.request(Method::POST, "/api/storage/upload", &stack.dev).header("X-File-Name", "a").body("bytes"),
            stack.request(Method::GET, "/api/storage/files", &stack.dev),
            stack.request(Method::POST, "/api/jetty/optimal-edges", &stack.dev).json(&json!({ "fileSize": 1 })),
            stack.request(Method::PUT, "/api/video/v/index.m3u8", &stack.dev).body("#EXTM3U\n"),
            stack.anonymous(Method::POST, "/api/jetty-speed/chunk").header("X-Upload-Token", "jtu1.x.y").body("bytes"),
            stack.anonymous(Method::GET, "/files/jtf1.x.y/a.bin"),
            stack.anonymous(Method::GET, "/v/jtv1.x.y/index.m3u8"),
            stack.backend(Method::POST, "/api/agentcache/provision").json(&json!({ "agentcache_user_id": "u", "tier": "pro" })),
            stack.operator(Method::GET, "/api/portal/namespaces"),
            stack.anonymous(Method::GET, "/api/edges"),
        ];
        for request in requests {
            let request = request.with_new_address();
            let url = request.try_clone().unwrap().build().unwrap().url().path().to_owned();
            let response = request.sent().await.unwrap();
            let (kind, retry) = (header(&response, "content-type"), header(&response, "retry-after"));
            let (status, body) = answer(response).await;
            assert_eq!((status, &body["names"]), (503, &json!(["CREDENTIAL_KEY"])), "{url}: {body}");
            assert_eq!((kind.as_str(), &body["code"], retry.as_str()), ("application/problem+json", &json!("misconfigured"), "60"), "{url}");
        }
        // What needs no configuration to be found out.
        assert_eq!(stack.anonymous(Method::GET, "/nowhere").with_new_address().answer().await.0, 404);
        assert_eq!(stack.anonymous(Method::DELETE, "/api/jetty/sessions").with_new_address().answer().await.0, 405);
        assert_eq!(stack.anonymous(Method::OPTIONS, "/api/edges").with_new_address().sent().await.unwrap().status(), 204);
    }
    // Jobs and the daily run find it out, too.
    stack.run_daily().await;
    let log = std::fs::read_to_string(stack.worker.lock().await.log()).unwrap();
    assert!(log.contains("misconfigured") && !log.contains("panicked") && !log.contains("RuntimeError"), "{log}");
    assert!(!log.contains(&stack.secrets.credential_key) && !log.contains(&stack.secrets.admin_token));
}
