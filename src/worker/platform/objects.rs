//! Requests to Durable Objects: one JSON message, one JSON reply.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestInit;
use worker::ObjectNamespace;

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

async fn post(namespace: &ObjectNamespace, name: &str, text: &str) -> Result<Option<String>, Problem> {
    // The message's name, without its values.
    log::step("object", text.split('"').nth(1).unwrap_or_default());
    let stub = namespace.get_by_name(name).map_err(|error| log::internal("object stub", &error.to_string()))?;
    let thrown = |error: JsValue| log::internal("object", &js::error_text(&error));
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(text));
    let promise = stub.into_rpc::<Fetcher>().fetch("https://object/", &init).map_err(thrown)?;
    let response: web_sys::Response = JsFuture::from(promise).await.map_err(thrown)?.unchecked_into();
    match response.status() {
        204 => Ok(None),
        200 => Ok(JsFuture::from(response.text().map_err(thrown)?).await.map_err(thrown)?.as_string()),
        status => Err(log::internal("object", &format!("HTTP {status}"))),
    }
}
