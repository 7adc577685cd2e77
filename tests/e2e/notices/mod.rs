//! Outgoing webhooks: endpoints of namespaces, and what is sent to them.

mod alerts;
mod delivery;
mod endpoints;
mod events;
mod live;
mod receipts;
pub mod sink;

use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, eventually};

/// The endpoints of a namespace.
fn path(namespace: &str) -> String {
    format!("/api/portal/namespaces/{namespace}/webhooks")
}

/// Adds an endpoint: the webhook, with its secret.
async fn add(stack: &Stack, account: &AccountAccess, namespace: &str, url: &str, events: &[&str]) -> Value {
    let (status, body) = stack.post(account, &path(namespace), json!({ "url": url, "events": events })).await;
    assert_eq!(status, 201, "{body}");
    body["webhook"].clone()
}

/// Deliveries of an endpoint, newest first.
async fn deliveries(stack: &Stack, account: &AccountAccess, webhook: &Value) -> Vec<Value> {
    let path = format!("{}/{}/deliveries", path(webhook["namespace"].as_str().unwrap()), webhook["id"].as_str().unwrap());
    let (status, body) = stack.get(account, &path).await;
    assert_eq!(status, 200, "{body}");
    body["deliveries"].as_array().unwrap().clone()
}

/// The newest delivery of an endpoint once it has that status and was tried so often, or again since.
async fn delivery(stack: &Stack, account: &AccountAccess, webhook: &Value, status: &str, attempts: u64) -> Value {
    eventually(Duration::from_secs(90), async || {
        let newest = deliveries(stack, account, webhook).await.into_iter().next().unwrap_or_default();
        // An attempt counts from its beginning; it has ended when it has left something.
        let ended = newest["responseStatus"].is_number() || newest["error"].is_string();
        if newest["status"] == status && newest["attempts"].as_u64().is_some_and(|begun| begun >= attempts) && ended {
            Ok(newest)
        } else {
            Err(newest)
        }
    })
    .await
}

/// A test event for an endpoint.
async fn test(stack: &Stack, account: &AccountAccess, webhook: &Value) -> Value {
    let path = format!("{}/{}/test", path(webhook["namespace"].as_str().unwrap()), webhook["id"].as_str().unwrap());
    let (status, body) = stack.request(Method::POST, &path, account).answer().await;
    assert_eq!(status, 202, "{body}");
    body["delivery"].clone()
}
