//! Deleting a namespace.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{assert_refused, created, path_of, simple_upload, start_body};
use crate::harness::{Call, action, done_or, eventually, stack, unique};

#[tokio::test]
async fn namespace_in_use_returns_409_on_delete() {
    let stack = stack().await;
    let (name, _) = created(json!({})).await;
    let user = unique("user-");
    let account = stack.account(&user).tier("pro").create().await;
    stack.add_member(&name, &user).await;
    let delete = || stack.operator(Method::DELETE, &path_of(&name));

    let (status, started) = stack.track(&account, start_body(&name, 100)).await;
    assert_eq!(status, 201, "{started}");
    assert_refused(delete(), 409, "namespace-in-use").await;
    let fail = action("fail", &started);
    assert_eq!(stack.track(&account, fail).await.0, 200);

    let (status, body) = simple_upload(stack, &account, &name).answer().await;
    assert_eq!((status, &body["asset"]["namespace"]), (201, &json!(name)), "{body}");
    assert_refused(delete(), 409, "namespace-in-use").await;
    let file = format!("/api/storage/files/{}", body["asset"]["id"].as_str().unwrap());
    assert_eq!(stack.request(Method::DELETE, &file, &account).answer().await.0, 204);

    // Once the collector has deleted the object that was in it.
    eventually(Duration::from_secs(40), async || {
        let (status, body) = delete().answer().await;
        done_or(status == 204, format!("an ended upload and a deleted file keep it: {status} {body}"))
    })
    .await;
    assert_refused(stack.request(Method::GET, &path_of(&name), &account), 404, "not-found").await;
    let (_, body) = stack.track(&account, start_body(&name, 100)).await;
    assert_eq!(body["code"], "not-found");
    assert_refused(stack.operator(Method::DELETE, &path_of(&account.namespace)), 409, "namespace-in-use").await;
    assert_eq!(stack.get(&account, &path_of(&account.namespace)).await.0, 200);
}

#[tokio::test]
async fn refused_namespace_deletion_keeps_the_upload_history() {
    let stack = stack().await;
    let account = stack.account(&unique("user-")).tier("pro").create().await;
    let started = stack.session(&account).size(100).start().await;
    let fail = action("fail", &started);
    assert_eq!(stack.track(&account, fail).await.0, 200);
    let history = async || stack.get(&account, "/api/jetty/sessions?status=failed").await.1["sessions"].clone();
    let before = history().await;
    assert_eq!(before.as_array().unwrap().len(), 1);
    assert!(before[0]["reason"] == "client" && before[0]["endedAt"].is_string(), "{before}");
    assert_refused(stack.operator(Method::DELETE, &path_of(&account.namespace)), 409, "namespace-in-use").await;
    assert_eq!(history().await, before, "the history of uploads");
}
