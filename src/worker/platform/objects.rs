//! Requests to Durable Objects: one JSON message, one JSON reply.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestInit;
use worker::{Method, ObjectNamespace, Request, Response, ResponseBuilder};

use crate::base::json;
use crate::problem::Problem;
use crate::worker::platform::js::Fetcher;
use crate::worker::platform::{js, log};

/// Sends `message` to the object of that name and waits for its reply; its writes are durable by then. None for a reply without a body (204).
/// A `repeatable` message is retried once, because the object is reset at every deployment.
///
/// # Errors
/// [`Problem::Internal`] if the object cannot be reached or fails.
pub async fn send<M: Serialize, R: DeserializeOwned>(
    namespace: &ObjectNamespace,
    name: &str,
    message: &M,
    repeatable: bool,
) -> Result<Option<R>, Problem> {
    let text = json::write(message).map_err(|error| log::internal("object message", &error.to_string()))?;
    let answer = match post(namespace, name, &text).await {
        Err(_) if repeatable => post(namespace, name, &text).await?,
        answer => answer?,
    };
    answer.map(|text| json::read(&text).map_err(|error| log::internal("object reply", &error.to_string()))).transpose()
}

/// Asks the object of that name whether it runs, which changes nothing. It answers by [`is_ping`] and [`pong`].
///
/// # Errors
/// [`Problem::Internal`] if the object cannot be reached or fails.
pub async fn ping(namespace: &ObjectNamespace, name: &str) -> Result<(), Problem> {
    log::step("object", "ping");
    let init = RequestInit::new();
    init.set_method("HEAD");
    match fetch(namespace, name, &init).await?.status() {
        204 => Ok(()),
        status => Err(log::internal("object", &format!("HTTP {status}"))),
    }
}

/// Whether an object's request is a [`ping`]; every other is a POST.
pub fn is_ping(request: &Request) -> bool {
    request.method() == Method::Head
}

/// An object's answer to it.
pub fn pong() -> Response {
    ResponseBuilder::new().with_status(204).empty()
}

async fn fetch(namespace: &ObjectNamespace, name: &str, init: &RequestInit) -> Result<web_sys::Response, Problem> {
    let stub = namespace.get_by_name(name).map_err(|error| log::internal("object stub", &error.to_string()))?;
    let thrown = |error: JsValue| log::internal("object", &js::error_text(&error));
    let promise = stub.into_rpc::<Fetcher>().fetch("https://object/", init).map_err(thrown)?;
    Ok(JsFuture::from(promise).await.map_err(thrown)?.unchecked_into())
}

async fn post(namespace: &ObjectNamespace, name: &str, text: &str) -> Result<Option<String>, Problem> {
    // The message's name, without its values.
    log::step("object", text.split('"').nth(1).unwrap_or_default());
    let thrown = |error: JsValue| log::internal("object", &js::error_text(&error));
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(text));
    let response = fetch(namespace, name, &init).await?;
    match response.status() {
        204 => Ok(None),
        200 => Ok(JsFuture::from(response.text().map_err(thrown)?).await.map_err(thrown)?.as_string()),
        status => Err(log::internal("object", &format!("HTTP {status}"))),
    }
}
