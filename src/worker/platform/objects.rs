//! Requests to Durable Objects: one JSON message, one JSON reply.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::RequestInit;
use worker::{Method, ObjectNamespace, Request, Response, ResponseBuilder};

use crate::base::backoff::object_call_may_pass;
use crate::base::json;
use crate::base::traced;
use crate::io::object::Undelivered;
use crate::log;
use crate::problem::Problem;
use crate::worker::platform::js;
use crate::worker::platform::js::Fetcher;
use crate::worker::platform::trace;

/// Sends a message once; see [`crate::io::Io::call`].
///
/// # Errors
/// [`Undelivered`], logged.
pub async fn call(namespace: &ObjectNamespace, name: &str, near: Option<&str>, message: &str) -> Result<Option<String>, Undelivered> {
    post(namespace, name, near, message).await.map_err(|failure| Undelivered { was_refused: failure.was_refused, may_pass: failure.may_pass })
}

/// As [`call`], of a message and a reply with types, once more if the platform says that this may help. For objects that services do not call.
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
    let answer = match post(namespace, name, None, &text).await {
        Err(failure) if repeatable && failure.may_pass => post(namespace, name, None, &text).await,
        answer => answer,
    };
    let answer = answer.map_err(|Failure { problem, .. }| problem)?;
    answer.map(|text| json::read(&text).map_err(|error| log::internal("object reply", &error.to_string()))).transpose()
}

/// Opens a connection to the object of that name: its answer, with a WebSocket or a stream.
///
/// # Errors
/// [`Problem::Internal`] if the object cannot be reached or fails.
pub async fn open(namespace: &ObjectNamespace, name: &str, is_socket: bool) -> Result<web_sys::Response, Problem> {
    log::step("object", "open");
    let init = RequestInit::new();
    let upgrade = is_socket.then(|| ("upgrade", "websocket".to_owned()));
    fetch(namespace, name, None, &init, upgrade).await.map_err(|Failure { problem, .. }| problem)
}

/// Asks the object of that name whether it runs, which changes nothing. It answers by [`is_ping`] and [`pong`].
///
/// # Errors
/// [`Problem::Internal`] if the object cannot be reached or fails.
pub async fn ping(namespace: &ObjectNamespace, name: &str) -> Result<(), Problem> {
    log::step("object", "ping");
    let init = RequestInit::new();
    init.set_method("HEAD");
    match fetch(namespace, name, None, &init, None).await.map_err(|Failure { problem, .. }| problem)?.status() {
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

/// A call that failed.
struct Failure {
    problem: Problem,
    may_pass: bool,
    was_refused: bool,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure { problem, may_pass: false, was_refused: false }
    }
}

fn failure(error: JsValue) -> Failure {
    let says = |name: &str| js_sys::Reflect::get(&error, &name.into()).is_ok_and(|value| value.is_truthy());
    let (retryable, overloaded) = (says("retryable"), says("overloaded"));
    // An overloaded object refuses before it begins (Durable Objects documentation, "Error handling").
    Failure {
        may_pass: object_call_may_pass(retryable, overloaded),
        was_refused: overloaded,
        problem: log::internal("object", &js::error_text(&error)),
    }
}

/// Every request to an object: as the next step of the trace, with one field more.
async fn fetch(
    namespace: &ObjectNamespace,
    name: &str,
    near: Option<&str>,
    init: &RequestInit,
    field: Option<(&'static str, String)>,
) -> Result<web_sys::Response, Failure> {
    if let Some(field) = field {
        init.set_headers(&js::headers(&[field]).map_err(failure)?.into());
    }
    let url = trace::url_of(trace::step_of(traced::current())?);
    let stub = match near {
        Some(near) => {
            log::step("location hint", near);
            namespace.get_by_name_with_location_hint(name, near)
        }
        None => namespace.get_by_name(name),
    };
    let stub = stub.map_err(|error| log::internal("object stub", &error.to_string()))?;
    let promise = stub.into_rpc::<Fetcher>().fetch(&url, init).map_err(failure)?;
    Ok(JsFuture::from(promise).await.map_err(failure)?.unchecked_into())
}

async fn post(namespace: &ObjectNamespace, name: &str, near: Option<&str>, text: &str) -> Result<Option<String>, Failure> {
    // The message's name, without its values.
    log::step("object", text.split('"').nth(1).unwrap_or_default());
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(text));
    let response = fetch(namespace, name, near, &init, None).await?;
    match response.status() {
        204 => Ok(None),
        200 => Ok(JsFuture::from(response.text().map_err(failure)?).await.map_err(failure)?.as_string()),
        status => Err(log::internal("object", &format!("HTTP {status}")).into()),
    }
}
