//! Stores that verify every presigned URL as UNSIGNED-PAYLOAD, or do not compare the body with a hash that an URL signs.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, done_or, eventually, random_bytes, sha256, unique};
use jettyspeed_devstack::state::AccountAccess;

async fn urls(stack: &Stack, account: &AccountAccess, started: &Value, bytes: &[u8]) -> Value {
    let parts = json!([{ "partNumber": 1, "sha256": sha256(bytes) }]);
    let (status, body) = stack.post(account, "/api/jetty/chunk-urls", json!({ "sessionId": started["sessionId"], "parts": parts })).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn put(stack: &Stack, url: &Value, bytes: &[u8]) -> (u16, String) {
    let headers = url["headers"].as_object().unwrap().iter();
    let request = headers.fold(stack.http.put(url["url"].as_str().unwrap()), |request, (name, value)| request.header(name, value.as_str().unwrap()));
    let response = request.body(bytes.to_vec()).sent().await.unwrap();
    let etag = response.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status().as_u16(), etag)
}

async fn health(stack: &Stack, deep: &str) -> Value {
    stack.operator(Method::GET, &format!("/api/health{deep}")).answer().await.1
}

/// Eventually, because other tests' Workers probe the same bucket.
async fn nothing_left_by_probes(stack: &Stack) {
    eventually(Duration::from_secs(20), async || {
        let left = stack.bucket.objects_and_uploads_of("jettyspeed-probe").await.0;
        done_or(left.is_empty(), format!("a probe left {left:?}"))
    })
    .await;
}

#[tokio::test]
async fn store_that_signs_presigned_urls_without_hash_gets_unbound_urls_whose_parts_count_as_claimed() {
    for dialect in ["presigned-unsigned", "presigned-unchecked"] {
        let stack = Stack::start(&[]).await;
        let account = stack.account(&unique("presigned")).tier("enterprise").create().await;
        stack.proxy.speak(&[dialect]);
        assert_eq!(health(&stack, "").await["presignedHashBound"], json!(null), "{dialect}");
        let bytes = random_bytes(70_000);
        let started = stack.session(&account).size(bytes.len()).start().await;
        let issued = urls(&stack, &account, &started, &bytes).await;
        assert_eq!(issued["presignedHashBound"], false, "{dialect}: {issued}");
        let url = &issued["urls"][0];
        assert_eq!(url["headers"]["x-amz-content-sha256"], json!(null), "{dialect}: {url}");
        assert_eq!(health(&stack, "").await["presignedHashBound"], false, "{dialect}");
        let (status, etag) = put(&stack, url, &bytes).await;
        assert_eq!(status, 200, "{dialect}");
        let record = json!({ "sessionId": started["sessionId"], "partNumber": 1, "etag": etag, "size": bytes.len(), "sha256": sha256(&bytes) });
        assert_eq!(stack.post(&account, "/api/jetty/cache-chunk", record).await.0, 200, "{dialect}");
        let (status, done) = stack.track(&account, json!({ "action": "complete", "sessionId": started["sessionId"] })).await;
        assert_eq!(status, 200, "{dialect}: {done}");
        assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
        let listings = stack.proxy.seen(started["uploadId"].as_str().unwrap()).into_iter().filter(|seen| seen.method == "GET").count();
        assert_eq!(listings, 1, "{dialect}: the part is a claim until the store lists it");
        assert!(stack.sql("SELECT * FROM chunks").await[0].is_empty(), "{dialect}: its hash is offered to nobody");
        nothing_left_by_probes(&stack).await;
    }
}

#[tokio::test]
async fn store_that_binds_presigned_urls_to_the_hash_gets_bound_ones() {
    let stack = Stack::start(&[]).await;
    let bytes = random_bytes(70_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    let issued = urls(&stack, &stack.dev, &started, &bytes).await;
    assert_eq!(issued["presignedHashBound"], true, "{issued}");
    assert_eq!(issued["urls"][0]["headers"]["x-amz-content-sha256"], sha256(&bytes));
    let mut other = bytes.clone();
    other[0] ^= 1;
    assert_eq!(put(&stack, &issued["urls"][0], &other).await.0, 400);
    assert_eq!(put(&stack, &issued["urls"][0], &bytes).await.0, 200);
    let deep = health(&stack, "?deep=1").await;
    assert_eq!((&deep["presignedHashBound"], &deep["payloadHashEnforced"]), (&json!(true), &json!(true)));
    nothing_left_by_probes(&stack).await;
}
