//! The Worker's side of the port: bindings, `fetch` and streams.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::ReadableStream;
use worker::{Context, Env, MessageBuilder};

use crate::base::memory_budget::MemoryPermit;
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::base::traced::{self, traced};
use crate::clients::store::RESPONSE_TIMEOUT_MS;
use crate::edges::geo::GeoHint;
use crate::io::body::{Body, Relayed, Whole};
use crate::io::notice::{Answered, Notice};
use crate::io::object::{Kind, Undelivered};
use crate::io::stale::Stale;
use crate::io::{BodyOf, Io, MAX_DELAY_SECONDS, Sending};
use crate::jobs::{self, Job};
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::s3::request::Store;
use crate::services::request::lost;
use crate::worker::platform::client_body::ClientBody;
use crate::worker::platform::d1::Db;
use crate::worker::platform::gateway::Way;
use crate::worker::platform::js::{DigestStream, FixedLengthStream, StreamReader};
use crate::worker::platform::kept_body::{Sent, send_and_keep};
use crate::worker::platform::origin::Answer;
use crate::worker::platform::pop_cache::PopCache;
use crate::worker::platform::{bindings, clock, console, geo_hint, js, notice, objects, origin, read_body};

/// Bytes copied into WebAssembly at once.
const COPY_BYTES: u32 = 65_536;

/// Has what is remembered forgotten: the caches belong to layers above this one.
pub type Forget = for<'a> fn(&'a WorkerIo, Stale<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The platform of a request, a job or a Durable Object.
#[derive(Clone)]
pub struct WorkerIo {
    /// Bindings.
    pub env: Env,
    /// What only a request has.
    pub of_request: Option<Rc<OfRequest>>,
    forget: Forget,
    way: Way,
}

/// What only a request has.
pub struct OfRequest {
    context: Context,
    request: web_sys::Request,
    /// The PoP's cache.
    pub cache: Rc<PopCache>,
    spans: RefCell<Vec<(&'static str, u64)>>,
    retries: Cell<u32>,
}

impl WorkerIo {
    /// That of a job or a Durable Object.
    pub fn new(env: Env, forget: Forget) -> WorkerIo {
        bindings::begin_log(&env);
        WorkerIo { way: Way::new(&env), env, of_request: None, forget }
    }

    /// That of a request.
    pub fn of_request(env: Env, forget: Forget, context: Context, request: web_sys::Request, cache: Rc<PopCache>) -> WorkerIo {
        log::set_sink(console::write);
        let of_request = OfRequest { context, request, cache, spans: RefCell::default(), retries: Cell::default() };
        WorkerIo { way: Way::new(&env), env, of_request: Some(Rc::new(of_request)), forget }
    }

    /// How many attempts at the store were repeated.
    pub fn retries(&self) -> u32 {
        self.of_request.as_ref().map(|request| request.retries.get()).unwrap_or_default()
    }

    /// The steps of the request and their durations, ms.
    pub fn spans(&self) -> Vec<(&'static str, u64)> {
        self.of_request.as_ref().map(|request| request.spans.borrow().clone()).unwrap_or_default()
    }
}

fn origin_body(body: BodyOf<WorkerIo>) -> Result<origin::Body, StoreError> {
    Ok(match body {
        Body::Empty => origin::Body::Empty,
        Body::Text(text) => origin::Body::Text(text),
        Body::Buffered(buffer) => origin::Body::Buffered(buffer),
        Body::Client(stream, size) => {
            origin::Body::Client(ClientBody::new(stream, size).map_err(|error| StoreError::unreachable(js::error_text(&error)))?)
        }
    })
}

fn interrupted(error: &JsValue) {
    log::event(LogLevel::Warn, "verify", serde_json::json!({ "error": js::error_text(error) }));
}

impl Io for WorkerIo {
    type Db = Db;
    type Answer = Answer;
    type Stream = ReadableStream;
    type Buffer = JsValue;

    fn now(&self) -> EpochMs {
        clock::now()
    }

    fn geo(&self) -> GeoHint {
        self.of_request.as_ref().map(|request| geo_hint::of(&request.request)).unwrap_or_default()
    }

    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), Problem> {
        getrandom::fill(buffer).map_err(|error| log::internal("getrandom", &error.to_string()))
    }

    async fn sleep(&self, ms: u64) {
        worker::Delay::from(Duration::from_millis(ms)).await;
    }

    fn databases(&self) -> u8 {
        bindings::databases(&self.env)
    }

    fn db(&self, shard: Shard) -> Result<Db, Problem> {
        bindings::db(&self.env, shard)
    }

    async fn call(&self, kind: Kind, name: &str, near: Option<&str>, message: &str) -> Result<Option<String>, Undelivered> {
        let namespace = match kind {
            Kind::Session => bindings::sessions(&self.env),
            Kind::Ledger => bindings::accounts(&self.env),
            Kind::Live => bindings::live(&self.env),
            Kind::Meter => bindings::meters(&self.env),
        };
        let namespace = namespace.map_err(|_| Undelivered { was_refused: true, may_pass: false })?;
        objects::call(&namespace, name, near, message).await
    }

    async fn enqueue(&self, job: &Job, seconds: u64) -> Result<(), Problem> {
        let text = jobs::message(job, traced::current()).map_err(|error| log::internal("queue", &error.to_string()))?;
        let delay = u32::try_from(seconds.min(MAX_DELAY_SECONDS)).unwrap_or(u32::MAX);
        log::step("queue", "write");
        let sent = bindings::jobs(&self.env)?.send(MessageBuilder::new(text).delay_seconds(delay).build()).await;
        sent.map_err(|error| log::internal("queue", &error.to_string()))
    }

    async fn exchange(&self, store: &Store, action: &Action, body: BodyOf<WorkerIo>, sending: Sending) -> Result<Answer, StoreError> {
        origin::send(&self.way, store, action, origin_body(body)?, sending).await
    }

    async fn relay(
        &self,
        store: &Store,
        action: &Action,
        stream: ReadableStream,
        size: u64,
        permit: MemoryPermit,
        sending: Sending,
        is_final: impl Fn(&StoreError) -> bool,
    ) -> Result<Relayed<Answer, JsValue>, Problem> {
        // What is given is the time for the answer to a body that has come; while it comes, only that of a refusal's text counts.
        let streaming = Sending { timeout_ms: RESPONSE_TIMEOUT_MS, ..sending };
        let first = async |rest: ReadableStream| origin::send(&self.way, store, action, origin::Body::Raw(rest.into()), streaming).await;
        let ends = |sent: &Result<Answer, StoreError>| sent.as_ref().err().is_none_or(&is_final);
        let sent = send_and_keep(stream, size, permit, sending.timeout_ms, first, ends).await.map_err(|_| lost())?;
        Ok(match sent {
            Sent::Lost => Relayed::Lost,
            Sent::Answered(Ok(answer), _) => Relayed::Answered(answer),
            Sent::Answered(Err(error), kept) => Relayed::Refused(error, kept),
            Sent::Silent(kept) => Relayed::Silent(kept),
        })
    }

    async fn read_whole(&self, stream: ReadableStream, size: u64) -> Result<Whole<JsValue>, Problem> {
        Ok(match read_body::read(stream, size).await.map_err(|_| lost())? {
            read_body::Body::Whole(buffer) => Whole::Buffer(buffer),
            read_body::Body::Slow => Whole::Slow,
        })
    }

    fn copy_of(&self, buffer: &JsValue) -> Vec<u8> {
        js_sys::Uint8Array::new(buffer).to_vec()
    }

    fn length_of(&self, buffer: &JsValue) -> Option<u64> {
        js::byte_length(buffer)
    }

    async fn sha256(&self, buffer: &JsValue) -> Option<String> {
        js::sha256(buffer).await
    }

    async fn buffer_of(&self, answer: &Answer, bytes: u64, timeout_ms: u32) -> Result<JsValue, StoreError> {
        answer.bytes(bytes, timeout_ms).await
    }

    async fn post(&self, notice: &Notice<'_>) -> Result<Answered, String> {
        notice::post(notice).await
    }

    async fn hmac(&self, key: &[u8], buffers: &[JsValue], left_out: u32) -> Result<[u8; 32], Problem> {
        let mac = js::hmac(key, &js::concatenated(buffers, left_out)).await;
        mac.map_err(|error| log::internal("hmac", &js::error_text(&error)))
    }

    async fn digest_of(&self, answer: &Answer, size: u64) -> Option<String> {
        digest(answer, size).await.inspect_err(interrupted).ok()
    }

    async fn read_pieces(&self, answer: &Answer, take: impl FnMut(&[u8]) -> bool) -> bool {
        read_pieces(answer, take).await.inspect_err(interrupted).is_ok()
    }

    async fn forget(&self, what: Stale<'_>) {
        (self.forget)(self, what).await;
    }

    async fn detached<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Option<T> {
        let Some(request) = &self.of_request else { return Some(work.await) };
        // Boxed, because otherwise every caller's future would contain the code of this large one.
        let work: Pin<Box<dyn Future<Output = T>>> = Box::pin(traced(traced::current(), work));
        let (sender, receiver) = futures_channel::oneshot::channel();
        let held: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
            // The receiver is gone if the client has disconnected.
            let _ = sender.send(work.await);
        });
        request.context.wait_until(held);
        receiver.await.ok()
    }

    fn afterwards(&self, work: impl Future<Output = ()> + 'static) {
        // Boxed, so that the conversion of a future to a promise is compiled only once.
        let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(traced(traced::current(), work));
        match &self.of_request {
            Some(request) => request.context.wait_until(work),
            None => spawn_local(work),
        }
    }

    fn retried(&self) {
        if let Some(request) = &self.of_request {
            request.retries.set(request.retries.get().saturating_add(1));
        }
    }

    fn span(&self, name: &'static str, since: EpochMs) {
        if let Some(request) = &self.of_request {
            request.spans.borrow_mut().push((name, clock::now().since(since)));
        }
    }
}

async fn digest(answer: &Answer, size: u64) -> Result<String, JsValue> {
    let body = answer.body().ok_or("no body")?;
    let stream = DigestStream::new("SHA-256")?;
    // Counts the bytes, since the store need not tell how many come. Rejects if the body is truncated, so that a partial object gets no verdict.
    let counted = FixedLengthStream::new(size as f64)?;
    let counting = JsFuture::from(body.pipe_to(&counted.writable()));
    let hashing = JsFuture::from(counted.readable().pipe_to(stream.unchecked_ref()));
    let (counting, hashing) = join(counting, hashing).await;
    counting.and(hashing)?;
    let digest = JsFuture::from(stream.digest()).await?;
    Ok(hex::encode(js_sys::Uint8Array::new(&digest).to_vec()))
}

async fn read_pieces(answer: &Answer, mut take: impl FnMut(&[u8]) -> bool) -> Result<(), JsValue> {
    let reader = StreamReader::new(&answer.body().ok_or("no body")?)?;
    let mut buffer = vec![0; usize::try_from(COPY_BYTES).unwrap_or_default()];
    while let Some(chunk) = reader.chunk().await? {
        let mut at = 0;
        while at < chunk.length() {
            let piece = chunk.subarray(at, at.saturating_add(COPY_BYTES).min(chunk.length()));
            at = at.saturating_add(piece.length());
            let Some(bytes) = buffer.get_mut(..usize::try_from(piece.length()).unwrap_or_default()) else { continue };
            piece.copy_to(bytes);
            if !take(bytes) {
                let _ = reader.cancel();
                return Ok(());
            }
        }
    }
    Ok(())
}
