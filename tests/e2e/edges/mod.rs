//! Edges: listed, administered, measured, ranked, and used together.

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

mod deployments;
mod directory;
mod metrics;
mod ranking;
mod several_edges;

use crate::harness::{Call, Stack};

async fn optimal_edges(stack: &Stack, account: &AccountAccess, cf: &Value, more: Value) -> Value {
    let mut body = json!({ "fileSize": 25_000_000 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut cf = cf.clone();
    cf["clientAcceptEncoding"] = json!("");
    let request = stack.request(Method::POST, "/api/jetty/optimal-edges", account).header("MF-CF-Blob", cf.to_string());
    let (status, body) = request.json(&body).answer().await;
    assert_eq!(status, 200, "{body}");
    body
}

fn ids(body: &Value) -> Vec<&str> {
    body["edges"].as_array().unwrap().iter().map(|edge| edge["id"].as_str().unwrap()).collect()
}
