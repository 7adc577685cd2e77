//! What is read from answers, with what every answer has to satisfy.

use jettyspeed_devstack::secrets::{find_leak, note, of_answer};
use std::sync::{LazyLock, Mutex, PoisonError};

use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_openapi::answer::{Checker, Seen};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use crate::harness::Call;

/// Status and JSON of an answer. Asserts what holds for every one: a request id, CORS, for errors problem+json without secrets, and that docs/openapi.json has it.
pub async fn answer(response: Response) -> (u16, Value) {
    answer_to(None, response).await
}

/// The same, of a request with this method.
pub async fn answer_to(method: Option<Method>, response: Response) -> (u16, Value) {
    let path = response.url().path().to_owned();
    let media = response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    let (identified, shared) = ("x-request-id", "access-control-allow-origin");
    let [identified, shared] = [identified, shared].map(|name| response.headers().contains_key(name));
    let body = response.bytes().await.unwrap();
    assert!(identified && shared, "every answer has a request id and CORS: {status} {}", String::from_utf8_lossy(&body));
    let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status >= 400 {
        assert_eq!(value["status"], status, "errors are problem+json: {}", String::from_utf8_lossy(&body));
        let kind = value["type"].as_str().unwrap();
        let is_known = kind.starts_with("/problems/") || kind.starts_with("https://iana.org/assignments/http-problem-types#");
        assert!(is_known && value["requestId"].is_string(), "{value}");
        assert_eq!(find_leak(&value.to_string()), None, "errors tell no secrets");
    }
    note(of_answer(&value)).unwrap();
    let methods =
        method.map_or_else(|| vec!["GET".into(), "POST".into(), "PUT".into(), "PATCH".into(), "DELETE".into()], |method| vec![method.to_string()]);
    documented(&methods, &path, status, media.as_deref(), Some(&value).filter(|value| !value.is_null()));
    (status, value)
}

/// Asserts that the document of the API has the status of this answer, whose body is still to be read; nothing of what came from another server.
pub fn seen(method: &Method, response: &Response) {
    if response.headers().contains_key("x-request-id") {
        documented(&[method.to_string()], response.url().path(), response.status().as_u16(), None, None);
    }
}

/// Asserts that the document of the API has this answer, of a request with one of these methods.
fn documented(methods: &[String], path: &str, status: u16, media: Option<&str>, json: Option<&Value>) {
    // Of a method that the path does not take: no operation's answer.
    if status == 405 {
        return;
    }
    static CHECKER: LazyLock<Mutex<Checker>> = LazyLock::new(|| Mutex::new(Checker::new(jettyspeed_openapi::document())));
    let mut checker = CHECKER.lock().unwrap_or_else(PoisonError::into_inner);
    let outcomes: Vec<_> = methods.iter().map(|method| checker.check(&Seen { method, path, status, media, json })).collect();
    if outcomes.iter().any(|outcome| matches!(outcome, Ok(Some(_)))) {
        return;
    }
    if let Some(Err(problem)) = outcomes.into_iter().find(Result::is_err) {
        if let Ok(file) = std::env::var("OPENAPI_COLLECT") {
            use std::io::Write;
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
            writeln!(file, "{problem}").unwrap();
            return;
        }
        panic!("not in docs/openapi.json: {problem}");
    }
}

/// Status, whether the answer says that it is a repeated one (`Idempotent-Replayed`), and the body byte by byte.
pub async fn raw_answer(response: Response) -> (u16, bool, Vec<u8>) {
    let repeated = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
    (response.status().as_u16(), repeated, response.bytes().await.unwrap().to_vec())
}

/// Status, `Cache-Status`, and the body if all of it came. Status 0: there was no answer.
pub async fn fetch(request: RequestBuilder) -> (u16, String, Option<Vec<u8>>) {
    let response = match request.sent().await {
        Ok(response) => response,
        Err(error) => return (0, error.to_string(), None),
    };
    let (status, cache) = (response.status().as_u16(), header(&response, "cache-status"));
    (status, cache, response.bytes().await.ok().map(|bytes| bytes.to_vec()))
}

/// A header's text; empty if there is none.
pub fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// `RateLimit-Policy`, and `r` and `t` of `RateLimit`.
pub fn rate_limit(response: &Response) -> (String, u64, u64) {
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (policy, state) = (header("ratelimit-policy"), header("ratelimit"));
    let number = |key: &str| state.split(';').find_map(|pair| pair.strip_prefix(key)).unwrap().parse().unwrap();
    assert_eq!(state.split(';').next(), policy.split(';').next(), "one policy");
    (policy, number("r="), number("t="))
}

/// `Retry-After` in seconds.
pub fn retry_after(response: &Response) -> u64 {
    response.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

/// The credentials in an answer of `provision` or `rotate`.
pub fn credentials(body: &Value) -> AccountAccess {
    let text = |name: &str| body["account"][name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned();
    let (user_id, namespace) = (text("agentcache_user_id"), text("namespace"));
    AccountAccess { user_id, api_key: text("api_key"), api_secret: text("api_secret"), namespace }
}
