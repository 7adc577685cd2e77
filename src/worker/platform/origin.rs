//! Requests to the store: signed, sent, and never followed anywhere else.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, Headers, RequestCache, RequestInit, RequestRedirect};

use crate::config::Config;
use crate::problem::Problem;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::s3::operations::delete_object;
use crate::s3::request::SignedRequest;
use crate::worker::platform::{clock, js};

/// How long the store may take to answer a request without a body of ours (of an object's bytes: to begin with them), ms. Completing thousands of parts may take minutes (S3 API reference).
pub const ANSWER_MS: u32 = 30_000;

/// The same for a part that is all here: 12 MB in a minute are 200 KB/s.
const HELD_MS: u32 = 60_000;

/// The same for CompleteMultipartUpload. A store that needs longer goes on without us, and the next call finds the object.
pub const COMPLETION_MS: u32 = 60_000;

/// The most of an error body that is read, bytes: S3 errors are under 1 KB.
const MAX_ERROR_BODY: u64 = 65_536;

thread_local! {
    /// Smoothed time to the first byte of the store's answers to reads, ms; negative: none yet.
    static READ_LATENCY_MS: Cell<f64> = const { Cell::new(-1.0) };
}

/// What goes out with a request.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// A text of ours.
    Text(String),
    /// Bytes that stay in JavaScript: a raw stream of known length, or a File.
    Raw(JsValue),
    /// Bytes that stay in JavaScript and are all there, so that they can be sent again.
    MemoryPermit(JsValue),
}

/// The store's answer, its body not read yet.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    response: web_sys::Response,
}

impl Answer {
    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name).ok().flatten()
    }

    /// The raw body stream.
    pub fn body(&self) -> Option<web_sys::ReadableStream> {
        self.response.body()
    }

    /// The body as text. For XML answers only.
    pub async fn text(&self) -> Result<String, StoreError> {
        let lost = |error: JsValue| StoreError::unreachable(js::words(&error));
        let text = JsFuture::from(self.response.text().map_err(lost)?).await.map_err(lost)?;
        Ok(text.as_string().unwrap_or_default())
    }

    /// The body as an ArrayBuffer, which stays in JavaScript, if it comes within so many ms. For small ones only.
    pub async fn bytes(&self, patience_ms: u32) -> Result<JsValue, StoreError> {
        let lost = |error: JsValue| StoreError::unreachable(js::words(&error));
        let bytes = JsFuture::from(self.response.array_buffer().map_err(lost)?);
        within(patience_ms, bytes).await.ok_or_else(StoreError::timeout)?.map_err(lost)
    }

    /// Lets go of the body, so that the connection is free.
    pub fn discard(&self) {
        if let Some(body) = self.body() {
            let _ = body.cancel();
        }
    }
}

/// Signs and sends `action`. Err is an answer of 300 or above, or none at all.
pub async fn send(config: &Config, action: &Action, body: Body) -> Result<Answer, StoreError> {
    let patience_ms = if matches!(body, Body::MemoryPermit(_)) { HELD_MS } else { ANSWER_MS };
    send_within(config, action, body, patience_ms).await
}

/// Deletes an object. One that is not there is deleted.
///
/// # Errors
/// The store's.
pub async fn delete(config: &Config, key: &str) -> Result<(), Problem> {
    match send(config, &delete_object::delete_object(key), Body::Empty).await {
        Ok(answer) => answer.discard(),
        Err(error) if error.status == 404 => {}
        Err(error) => return Err(problem("DeleteObject", &error)),
    }
    Ok(())
}

/// [`send`] with another patience, for the whole of the answer; where that is an object's bytes, for its head only. Bodies that stream in either direction go
/// as fast as the client does.
pub async fn send_within(config: &Config, action: &Action, body: Body, patience_ms: u32) -> Result<Answer, StoreError> {
    crate::worker::platform::log::step("origin", action.method);
    let started = clock::now();
    let request = config.store.request(action, started);
    let thrown = |error: JsValue| StoreError::unreachable(js::words(&error));
    let (sends_stream, reads_bytes) = (matches!(body, Body::Raw(_)), action.reads_bytes());
    let init = init(&request, body).map_err(thrown)?;
    let controller = AbortController::new().map_err(thrown)?;
    if reads_bytes {
        init.set_signal(Some(&controller.signal()));
    } else if !sends_stream {
        init.set_signal(Some(&AbortSignal::timeout_with_u32(patience_ms)));
    }
    let sent = JsFuture::from(js::fetch(&request.url, &init).map_err(thrown)?);
    let response = if reads_bytes {
        let head = within(patience_ms, sent).await;
        if head.is_none() {
            controller.abort();
        }
        head.ok_or_else(StoreError::timeout)?
    } else {
        sent.await
    };
    let response: web_sys::Response = response.map_err(lost)?.unchecked_into();
    let status = response.status();
    let answer = Answer { status, response };
    if matches!(request.method, "GET" | "HEAD") {
        note_read(clock::now().since(started));
    }
    if status < 300 {
        return Ok(answer);
    }
    let length = answer.header("content-length").and_then(|text| text.parse::<u64>().ok());
    let body = if length.is_some_and(|bytes| bytes > MAX_ERROR_BODY) {
        answer.discard();
        String::new()
    } else {
        within(patience_ms, answer.text()).await.and_then(Result::ok).unwrap_or_default()
    };
    Err(StoreError::read(status, &body))
}

/// None if it took longer.
pub async fn within<T>(ms: u32, work: impl Future<Output = T>) -> Option<T> {
    let limit = worker::Delay::from(Duration::from_millis(u64::from(ms)));
    match select(pin!(work), pin!(limit)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

fn lost(error: JsValue) -> StoreError {
    let words = js::words(&error);
    if words.starts_with("TimeoutError") { StoreError::timeout() } else { StoreError::unreachable(words) }
}

fn init(request: &SignedRequest, body: Body) -> Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method(request.method);
    init.set_headers(&headers);
    // A redirect would carry the signature to another host.
    init.set_redirect(RequestRedirect::Manual);
    // On some paths the platform rewrites HEAD to GET or answers ranges from its own cache; both break signatures.
    if matches!(request.method, "GET" | "HEAD") {
        init.set_cache(RequestCache::NoStore);
    }
    match body {
        Body::Empty => {}
        Body::Text(text) => init.set_body(&JsValue::from_str(&text)),
        Body::Raw(raw) | Body::MemoryPermit(raw) => init.set_body(&raw),
    }
    Ok(init)
}

fn note_read(ms: u64) {
    let sample = ms as f64;
    let previous = READ_LATENCY_MS.get();
    // One fifth of each new sample: settles within about ten reads.
    READ_LATENCY_MS.set(if previous < 0.0 { sample } else { previous + (sample - previous) / 5.0 });
}

/// What a read from the store has lately taken to its first byte, ms; None before the first one.
pub fn read_latency_ms() -> Option<f64> {
    Some(READ_LATENCY_MS.get()).filter(|ms| *ms >= 0.0).map(f64::round)
}

/// Logs a refusal and turns it into what the caller may know.
pub fn problem(what: &str, error: &StoreError) -> Problem {
    crate::worker::platform::log::event(
        crate::config::LogLevel::Warn,
        "origin",
        serde_json::json!({ "action": what, "status": error.status, "code": error.code, "message": error.message }),
    );
    Problem::Origin(error.failure())
}

/// The same for a request that carried the caller's bytes: that they are not what their hash says is the caller's doing, and nobody else's news.
pub fn problem_of_bytes(what: &str, error: &StoreError) -> Problem {
    if error.is_hash_mismatch() { Problem::ChunkHashMismatch } else { problem(what, error) }
}
