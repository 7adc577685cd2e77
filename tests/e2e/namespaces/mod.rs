//! Namespaces: managed by operators, seen by members, used by uploads.

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

mod deletion;
mod manage;
mod members;
mod roles;
mod uploads;

use crate::harness::{Call, Stack, stack, unique};

const ROOT: &str = "/api/portal/namespaces";

/// Asserts that the request is refused with this status and code: the problem.
async fn assert_refused(request: RequestBuilder, status: u16, code: &str) -> Value {
    let (got, body) = request.answer().await;
    assert_eq!((got, body["code"].as_str().unwrap_or_default()), (status, code), "{body}");
    body
}

fn path_of(name: &str) -> String {
    format!("{ROOT}/{name}")
}

fn member_path(namespace: &str, user: &str) -> String {
    format!("{ROOT}/{namespace}/members/{user}")
}

async fn as_operator(method: Method, path: &str, body: Value) -> (u16, Value) {
    stack().await.operator(method, path).json(&body).answer().await
}

/// Creates a namespace with `more` in its body: its name and the answer.
async fn created(more: Value) -> (String, Value) {
    let name = unique("jt_customer_");
    let mut body = json!({ "name": name });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = as_operator(Method::POST, ROOT, body).await;
    assert_eq!((status, &answer["name"]), (201, &json!(name)), "{answer}");
    (name, answer)
}

fn simple_upload(stack: &Stack, account: &AccountAccess, namespace: &str) -> RequestBuilder {
    stack.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", "a.txt").header("X-Namespace", namespace).body("hello")
}

fn start_body(namespace: &str, size: u64) -> Value {
    json!({ "action": "start", "fileName": "a.bin", "fileSize": size, "namespace": namespace })
}
