//! The way to a session's Durable Object.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestInit;
use worker::Env;

use super::session::{Message, Reply};
use crate::ids::Id;
use crate::platform::js::{self, Fetcher};
use crate::platform::{bindings, log};
use crate::problem::Problem;

/// Says `message` to the session and waits for its answer, which is durable by then.
///
/// # Errors
/// [`Problem::Internal`] if the object cannot be reached.
pub async fn tell(env: &Env, session: Id, message: &Message) -> Result<Reply, Problem> {
    let text = serde_json::to_string(message).map_err(|error| log::internal("session message", &error.to_string()))?;
    let namespace = bindings::sessions(env)?;
    let stub = namespace.get_by_name(&session.to_string()).map_err(|error| log::internal("session stub", &error.to_string()))?;
    let thrown = |error: JsValue| log::internal("session object", &js::words(&error));
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(&text));
    let promise = stub.into_rpc::<Fetcher>().fetch("https://session/", &init).map_err(thrown)?;
    let response: web_sys::Response = JsFuture::from(promise).await.map_err(thrown)?.unchecked_into();
    match response.status() {
        204 => Ok(Reply::Done),
        200 => {
            let text = JsFuture::from(response.text().map_err(thrown)?).await.map_err(thrown)?;
            serde_json::from_str(&text.as_string().unwrap_or_default()).map_err(|error| log::internal("session reply", &error.to_string()))
        }
        status => Err(log::internal("session object", &format!("HTTP {status}"))),
    }
}
