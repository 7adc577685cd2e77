//! Signed requests to the origin, by the gateway if there is one. Redirects are not followed.

use std::cell::Cell;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, AbortSignal, Headers, RequestCache, RequestInit, RequestRedirect};

use crate::base::memory_budget::{Owner, Pool};
use crate::clients::store::COMPLETION_TIMEOUT_MS;
use crate::gateway::fields::{FIELD, FROM_SHIELD};
use crate::io;
use crate::io::Sending;
use crate::io::answer::Answer as _;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::s3::request::{SignedRequest, Store};
use crate::worker::platform::client_body::ClientBody;
pub use crate::worker::platform::clock::within;
use crate::worker::platform::gateway::Way;
use crate::worker::platform::js::FixedLengthStream;
use crate::worker::platform::{clock, js, memory, read_body};

/// Maximum answer of a single operation, or of an error, bytes: they are under 1 KB; while it completes an upload, a store may send blanks to keep the connection.
const MAX_ANSWER: u64 = 65_536;

/// Maximum page of a listing, bytes: a thousand uploads with keys of 128 bytes are 700 KB.
const MAX_LISTING: u64 = 1_048_576;

/// The longest time for which an answer is in memory, ms: two of the timeouts of its request.
const ANSWER_MS: u64 = 2 * COMPLETION_TIMEOUT_MS as u64;

thread_local! {
    /// Smoothed time to first byte of the origin's reads, ms; negative before the first read.
    static READ_LATENCY_MS: Cell<f64> = const { Cell::new(-1.0) };
}

/// The body of a request.
#[derive(Debug)]
pub enum Body {
    /// No body.
    Empty,
    /// A text from WebAssembly.
    Text(String),
    /// Bytes that stay in JavaScript: a raw stream of known length, or a File.
    Raw(JsValue),
    /// The same from a client that is still sending: what the store leaves unread is read here.
    Client(ClientBody),
    /// Buffered bytes that stay in JavaScript, so that they can be sent again.
    Buffered(JsValue),
}

/// The origin's response; its body has not been read.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    response: web_sys::Response,
}

impl Answer {
    /// One that somebody else has received.
    pub fn of(response: web_sys::Response) -> Answer {
        Answer { status: response.status(), response }
    }

    /// `Content-Length`, `Content-Range`, `ETag`, `Content-Encoding`.
    pub fn told(&self) -> [Option<String>; 4] {
        ["content-length", "content-range", "etag", "content-encoding"].map(|name| self.header(name))
    }

    /// Whether the gateway beside the store had kept it.
    pub fn is_from_shield(&self) -> bool {
        self.header(FIELD).as_deref() == Some(FROM_SHIELD)
    }

    /// The raw body stream.
    pub fn body(&self) -> Option<web_sys::ReadableStream> {
        self.response.body()
    }

    async fn text_up_to(&self, limit: u64) -> Result<String, StoreError> {
        let lost = |error: JsValue| StoreError::unreachable(js::error_text(&error));
        let too_long = || StoreError::unreachable(format!("an answer of more than {limit} bytes"));
        let Some(stream) = self.body() else { return Ok(String::new()) };
        let length = self.header("content-length").and_then(|text| text.parse::<u64>().ok());
        if length.is_some_and(|bytes| bytes > limit) {
            self.discard();
            return Err(too_long());
        }
        // As bytes and as a text.
        let Ok(_permit) = memory::reserve(Pool::Answers, Owner::Service, 2 * length.unwrap_or(limit), ANSWER_MS).await else {
            self.discard();
            return Err(StoreError { status: 503, code: "NoMemory".to_owned(), message: "no memory is free for the answer".to_owned() });
        };
        let bytes = read_body::read_up_to(stream, limit).await.map_err(lost)?.ok_or_else(too_long)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The body as a stream that fails if it has not `bytes` bytes. The runtime sees to that where the store tells the length.
    ///
    /// # Errors
    /// What the runtime throws.
    pub fn counted_body(&self, bytes: u64) -> Result<Option<web_sys::ReadableStream>, JsValue> {
        let Some(body) = self.body() else { return Ok(None) };
        if self.header("content-length").is_some() {
            return Ok(Some(body));
        }
        let counted = FixedLengthStream::new(bytes as f64)?;
        let piped = JsFuture::from(body.pipe_to(&counted.writable()));
        spawn_local(async move {
            // Its error is the stream's.
            let _ = piped.await;
        });
        Ok(Some(counted.readable()))
    }

    /// The body of at most `bytes` bytes as an ArrayBuffer, which stays in JavaScript, if it arrives within `timeout_ms`. For small bodies only.
    pub async fn bytes(&self, bytes: u64, timeout_ms: u32) -> Result<JsValue, StoreError> {
        let lost = |error: JsValue| StoreError::unreachable(js::error_text(&error));
        let body = self.counted_body(bytes).map_err(lost)?;
        let response = web_sys::Response::new_with_opt_readable_stream(body.as_ref()).map_err(lost)?;
        let bytes = JsFuture::from(response.array_buffer().map_err(lost)?);
        within(timeout_ms, bytes).await.ok_or_else(StoreError::timeout)?.map_err(lost)
    }
}

impl io::answer::Answer for Answer {
    fn status(&self) -> u16 {
        self.status
    }

    fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name).ok().flatten()
    }

    async fn text(&self) -> Result<String, StoreError> {
        self.text_up_to(MAX_ANSWER).await
    }

    async fn listing(&self) -> Result<String, StoreError> {
        self.text_up_to(MAX_LISTING).await
    }

    fn discard(&self) {
        if let Some(body) = self.body() {
            let _ = body.cancel();
        }
    }
}

/// Signs `action` and sends it; see [`crate::io::Io::exchange`].
///
/// # Errors
/// The store's.
pub async fn send(way: &Way, store: &Store, action: &Action, body: Body, sending: Sending) -> Result<Answer, StoreError> {
    let now = clock::now();
    let request = match sending.presigned_for {
        Some(seconds) => store.presign(action, now, seconds),
        None => store.request(action, now),
    };
    let Body::Client(client) = body else { return exchange(way, action, request, body, sending.timeout_ms).await };
    client.sent_by(async |stream| exchange(way, action, request, Body::Raw(stream), sending.timeout_ms).await).await
}

async fn exchange(way: &Way, action: &Action, request: SignedRequest, body: Body, timeout_ms: u32) -> Result<Answer, StoreError> {
    let started = clock::now();
    let thrown = |error: JsValue| StoreError::unreachable(js::error_text(&error));
    let (reads_bytes, sends_stream) = (action.reads_bytes(), matches!(body, Body::Raw(_)));
    let init = init(&request, body).map_err(thrown)?;
    let controller = AbortController::new().map_err(thrown)?;
    let mut given_up = AbortOnDrop(Some(controller.clone()));
    if reads_bytes || sends_stream {
        init.set_signal(Some(&controller.signal()));
    } else {
        init.set_signal(Some(&AbortSignal::timeout_with_u32(timeout_ms)));
    }
    let sent = way.fetch(action, &request.url, &init, !sends_stream);
    let response = if reads_bytes {
        let head = within(timeout_ms, sent).await;
        if head.is_none() {
            controller.abort();
        }
        head.ok_or_else(StoreError::timeout)?
    } else {
        sent.await
    };
    let response = response.map_err(fetch_error)?;
    given_up.0 = None;
    let answer = Answer::of(response);
    let status = answer.status;
    if matches!(request.method, "GET" | "HEAD") {
        record_read(clock::now().since(started));
    }
    if status < 300 {
        return Ok(answer);
    }
    let body = within(timeout_ms, answer.text()).await.and_then(Result::ok).unwrap_or_default();
    if sends_stream {
        // The store may have answered without reading the body, which would wait for it.
        controller.abort();
    }
    Err(StoreError::read(status, &body))
}

/// Ends a request that nobody waits for any more: it would keep a connection, and could take effect after its repetition.
struct AbortOnDrop(Option<AbortController>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

/// The error of a rejected fetch.
fn fetch_error(error: JsValue) -> StoreError {
    let text = js::error_text(&error);
    if text.starts_with("TimeoutError") { StoreError::timeout() } else { StoreError::unreachable(text) }
}

fn init(request: &SignedRequest, body: Body) -> Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let init = init_of(request.method, &headers);
    match body {
        Body::Empty => {}
        Body::Text(text) => init.set_body(&JsValue::from_str(&text)),
        Body::Raw(raw) | Body::Buffered(raw) => init.set_body(&raw),
        Body::Client(client) => init.set_body(&client.passed_on()),
    }
    Ok(init)
}

/// A request to the store without its body.
pub fn init_of(method: &str, headers: &Headers) -> RequestInit {
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers(headers);
    // Following a redirect would send the signature to another host.
    init.set_redirect(RequestRedirect::Manual);
    // On some paths the platform rewrites HEAD to GET or answers ranges from its own cache; both break signatures.
    if matches!(method, "GET" | "HEAD") {
        init.set_cache(RequestCache::NoStore);
    }
    init
}

/// Updates the smoothed read latency.
fn record_read(ms: u64) {
    let sample = ms as f64;
    let previous = READ_LATENCY_MS.get();
    // Exponential moving average with weight 1/5: converges within about ten reads.
    READ_LATENCY_MS.set(if previous < 0.0 { sample } else { previous + (sample - previous) / 5.0 });
}

/// Smoothed time to first byte of the origin's reads, ms; None before the first read.
pub fn read_latency_ms() -> Option<f64> {
    Some(READ_LATENCY_MS.get()).filter(|ms| *ms >= 0.0).map(f64::round)
}
