//! What uploads take from their namespace.

use reqwest::Method;
use serde_json::json;

use super::{as_operator, assert_refused, created, path_of, simple_upload, start_body};
use crate::harness::{Call, action, random_bytes, sha256, stack};

#[tokio::test]
async fn disabled_feature_returns_403_on_its_route_only() {
    let stack = stack().await;
    let (name, _) = created(json!({ "features": { "jetty_speed_upload": false } })).await;
    stack.add_member(&name, "dev").await;
    let (status, body) = stack.track(&stack.dev, start_body(&name, 100)).await;
    assert_eq!((status, &body["code"], &body["feature"]), (403, &json!("feature-off"), &json!("jetty_speed_upload")), "{body}");
    let (status, body) = simple_upload(stack, &stack.dev, &name).answer().await;
    assert_eq!((status, &body["asset"]["namespace"]), (201, &json!(name)), "the simple path is another one: {body}");
    let (_, body) = as_operator(Method::PATCH, &path_of(&name), json!({ "features": { "jetty_speed_upload": true } })).await;
    assert_eq!(body["features"]["jetty_speed_upload"], true);
    assert_eq!(stack.track(&stack.dev, start_body(&name, 100)).await.0, 201, "at once");
}

#[tokio::test]
async fn member_uploads_into_shared_namespace_and_non_member_gets_404() {
    let stack = stack().await;
    let (name, _) = created(json!({ "chunk_size": 6_000_000 })).await;
    stack.add_member(&name, "dev").await;
    let (status, started) = stack.track(&stack.dev, start_body(&name, 13_000_000)).await;
    assert_eq!(status, 201, "{started}");
    assert_eq!((&started["strategy"]["chunkSize"], &started["strategy"]["chunkCount"]), (&json!(6_000_000), &json!(3)), "the namespace's size wins");
    let own = stack.track(&stack.dev, start_body(&stack.dev.namespace, 13_000_000)).await.1;
    assert_eq!(own["strategy"]["chunkSize"], 10_000_000);

    let bytes = random_bytes(13_000_000);
    let part = |number: u32, namespace: &str| {
        let from = (number as usize - 1) * 6_000_000;
        stack.chunk(&started, number, &bytes[from..bytes.len().min(from + 6_000_000)]).header("X-Namespace", namespace)
    };
    assert_refused(part(1, &stack.dev.namespace).without_sending_body(6_000_000), 422, "invalid-value").await;
    for number in 1..=3 {
        assert_eq!(part(number, &name).answer().await.0, 200);
    }
    let complete = action("complete", &started);
    let (status, done) = stack.track(&stack.dev, complete).await;
    assert_eq!((status, &done["asset"]["namespace"]), (200, &json!(name)), "{done}");
    let key = done["asset"]["s3Key"].as_str().unwrap();
    assert_eq!(sha256(&stack.bucket.get(key).await.unwrap()), sha256(&bytes));

    let (status, body) = simple_upload(stack, &stack.dev, &name).answer().await;
    assert_eq!((status, &body["asset"]["namespace"]), (201, &json!(name)));
    // A file belongs to the member that stored it, also in a shared namespace.
    stack.add_member(&name, "other").await;
    let file = format!("/api/storage/files/{}", done["asset"]["id"].as_str().unwrap());
    assert_refused(stack.request(Method::GET, &file, &stack.other), 404, "not-found").await;
    assert_eq!(simple_upload(stack, &stack.other, &name).answer().await.0, 201);

    for namespace in [name.as_str(), "absent"] {
        assert_refused(simple_upload(stack, &stack.starter, namespace), 404, "not-found").await;
        let (status, body) = stack.track(&stack.unsigned, start_body(namespace, 100)).await;
        assert_eq!((status, &body["code"]), (404, &json!("not-found")), "{body}");
    }
    assert_refused(simple_upload(stack, &stack.dev, "../x"), 422, "invalid-value").await;
}
