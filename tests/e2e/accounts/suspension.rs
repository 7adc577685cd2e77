//! Suspending and resuming an account.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{files_status, user_body};
use crate::harness::{Call, Stack, answer, random_bytes, sha256, stack};

#[tokio::test]
async fn suspended_account_gets_403_on_every_route_and_resume_restores_access() {
    let stack = stack().await;
    let account = stack.account("switched").tier("enterprise").create().await;
    let asset = stack.asset(&account).bytes(random_bytes(5_000)).store().await;
    let (id, own) = (asset["id"].as_str().unwrap(), format!("/api/portal/namespaces/{}", account.namespace));
    let download = format!("/api/storage/download?assetId={id}");
    let url = stack.get(&account, &download).await.1["url"].as_str().unwrap().to_owned();
    let content = || stack.http.get(&url).sent();
    assert_eq!(content().await.unwrap().bytes().await.unwrap().len(), 5_000);
    let bytes = random_bytes(10_000_400);
    let started = stack.session(&account).size(bytes.len()).start().await;
    let session = started["sessionId"].as_str().unwrap();
    assert_eq!(stack.chunk(&started, 1, &bytes[..10_000_000]).answer().await.0, 200);

    let (status, body) = stack.webhook("/api/agentcache/suspend", user_body("switched")).await;
    assert_eq!((status, &body["account"]["status"], &body["account"]["api_key"]), (200, &json!("suspended"), &Value::Null), "{body}");
    let refused = |request: RequestBuilder| async {
        let (status, body) = request.answer().await;
        assert_eq!((status, body["code"].as_str().unwrap_or_default()), (403, "account-suspended"), "{body}");
    };
    let asks = |method: Method, path: &str| stack.request(method, path, &account);
    let tracks = |body: Value| asks(Method::POST, "/api/jetty/track-upload").json(&body);
    for path in [
        "/api/jetty/sessions",
        &format!("/api/jetty/cache-chunk?sessionId={session}"),
        "/api/storage/files",
        &format!("/api/storage/files/{id}"),
        &download,
        "/api/agentcache/quota",
        "/api/portal/namespaces",
        &own,
        &format!("/files/{id}/a.bin"),
        "/api/edges/fra/metrics",
    ] {
        refused(asks(Method::GET, path)).await;
    }
    for action in ["start", "progress", "complete", "fail"] {
        refused(tracks(json!({ "action": action, "sessionId": session, "fileName": "a", "fileSize": 1 }))).await;
    }
    refused(asks(Method::POST, "/api/jetty/optimal-edges").json(&json!({ "fileSize": 1 }))).await;
    refused(asks(Method::POST, "/api/storage/upload").header("X-File-Name", "a").body("a")).await;
    refused(asks(Method::DELETE, &format!("/api/storage/files/{id}"))).await;
    refused(asks(Method::PATCH, &own).json(&json!({ "display_name": "mine" }))).await;
    let last = || stack.chunk(&started, 2, &bytes[10_000_000..]);
    refused(last()).await;
    let with_account = asks(Method::PUT, &format!("/api/jetty-speed/{session}/2")).header("X-Chunk-SHA256", sha256(&bytes[10_000_000..]));
    refused(with_account.body(bytes[10_000_000..].to_vec())).await;
    assert_eq!(answer(content().await.unwrap()).await.1["code"], "account-suspended");

    let (status, body) = stack.webhook("/api/agentcache/resume", user_body("switched")).await;
    assert_eq!((status, &body["account"]["status"]), (200, &json!("active")), "{body}");
    let state = stack.session_state(&account, session).await;
    assert_eq!((&state["status"], &state["missing"]), (&json!("uploading"), &json!([2])), "the refused part is not recorded");
    assert_eq!(content().await.unwrap().status(), 200);
    assert_eq!(last().answer().await.0, 200);
    let (status, done) = stack.track(&account, json!({ "action": "complete", "sessionId": session })).await;
    assert_eq!(status, 200, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    let (_, list) = asks(Method::GET, "/api/storage/files").answer().await;
    assert_eq!(list["files"].as_array().unwrap().len(), 2, "what was refused did nothing: {list}");
}

#[tokio::test]
async fn suspension_recorded_in_d1_only_still_returns_403() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("half-way").tier("pro").create().await;
    assert_eq!(files_status(&stack, &account).await, 200);
    // What a Worker leaves that is killed after it wrote the suspension to D1: the ledger does not know.
    stack.sql("UPDATE accounts SET status = 'suspended', updated_at = updated_at + 1 WHERE agentcache_user_id = 'half-way'").await;
    // Changing a tier clears the isolate's cache of accounts.
    assert_eq!(stack.operator(Method::PATCH, "/api/portal/tiers/free").json(&json!({})).answer().await.0, 200);
    assert_eq!(files_status(&stack, &account).await, 403);
    let (status, _) = stack.webhook("/api/agentcache/resume", json!({ "user_id": "half-way" })).await;
    assert_eq!((status, files_status(&stack, &account).await), (200, 200));
}
