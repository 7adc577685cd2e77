//! A proxy between Worker and store that counts requests, refuses what a strict store would refuse, and injects faults.
//!
//! It keeps the Host header, so a request that was signed for the proxy's address verifies at the store behind it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::Result;

type Body = BoxBody<Bytes, hyper::Error>;

/// One request that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// HTTP method.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// The store's status, or the injected one.
    pub status: u16,
    /// `Content-Length` of the request.
    pub content_length: Option<u64>,
}

impl Seen {
    /// The part number, if this was an UploadPart.
    pub fn upload_part(&self) -> Option<u32> {
        let query = self.target.split_once('?')?.1;
        let (_, number) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "partNumber")?;
        (self.method == "PUT").then(|| number.parse().ok())?
    }
}

/// A fault to inject into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answer this status with an S3 error of that code; the store does not see the request.
    Answer(u16, &'static str),
    /// Forward the request, then drop the connection instead of answering.
    LoseAnswer,
    /// Answer 200 with an S3 error in the body; the store does not see the request.
    ErrorInside,
    /// Forward the request, then abort the answer in the middle of the body.
    CutAnswer,
    /// Forward the request, send the true Content-Length, and close the connection in the middle of the body.
    CutBody,
    /// Answer the same bytes as a different range of the object.
    OtherRange,
    /// Answer with a shorter body and a matching Content-Length.
    ShortBody,
    /// Answer as a different version of the object.
    OtherVersion,
    /// Drop the connection before reading the body; the store does not see the request.
    ResetBefore,
    /// Drop the connection after this many bytes of the body; the store does not see the request.
    ResetDuring(u64),
    /// Drop the connection after the whole body; the store does not see the request.
    ResetAfter,
    /// Forward the request after this many milliseconds.
    Slow(u64),
    /// Forward the request, and delay the answer by this many milliseconds.
    LateAnswer(u64),
    /// Forward the request, and delay the second half of the answer's body by this many milliseconds.
    LateBody(u64),
}

type Rule = Box<dyn FnMut(&Method, &str) -> Option<Fault> + Send>;

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    rule: Mutex<Option<Rule>>,
}

/// A running proxy.
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens on a free port in front of `origin` (`host:port`). Runs on its own thread, so that it outlives the runtime of any single test.
    pub fn start(origin: &str) -> Result<Proxy> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (origin, for_thread) = (origin.to_owned(), Arc::clone(&shared));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        std::thread::spawn(move || runtime.block_on(accept(listener, origin, for_thread)));
        Ok(Proxy { address, shared })
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far whose target contains `part`.
    pub fn seen(&self, part: &str) -> Vec<Seen> {
        lock(&self.shared.seen).iter().filter(|seen| seen.target.contains(part)).cloned().collect()
    }

    /// Calls `rule` for every request from now on.
    pub fn inject(&self, rule: impl FnMut(&Method, &str) -> Option<Fault> + Send + 'static) {
        *lock(&self.shared.rule) = Some(Box::new(rule));
    }

    /// Removes the rule.
    pub fn clear_faults(&self) {
        *lock(&self.shared.rule) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn accept(listener: std::net::TcpListener, origin: String, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (origin, shared) = (origin.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(request, origin.clone(), Arc::clone(&shared)));
            // An error means that the connection ended, which a fault may have caused.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Closes the connection without an answer.
#[derive(Debug)]
struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hang up")
    }
}

impl std::error::Error for Hangup {}

async fn serve(request: Request<Incoming>, origin: String, shared: Arc<Shared>) -> std::result::Result<Response<Body>, Hangup> {
    let method = request.method().clone();
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let content_length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let note = |status: u16| {
        lock(&shared.seen).push(Seen { method: method.to_string(), target: target.clone(), status, content_length });
    };
    // A strict store requires Content-Length on requests with a body.
    let carries_body = matches!(method, Method::PUT | Method::POST);
    if request.headers().contains_key(TRANSFER_ENCODING) || (carries_body && content_length.is_none()) {
        note(411);
        return Ok(refuse(411, "MissingContentLength"));
    }
    let fault = lock(&shared.rule).as_mut().and_then(|rule| rule(&method, &target));
    match fault {
        Some(Fault::Answer(status, code)) => {
            let _ = request.into_body().collect().await;
            note(status);
            return Ok(refuse(status, code));
        }
        Some(Fault::ErrorInside) => {
            let _ = request.into_body().collect().await;
            note(200);
            return Ok(refuse(200, "InternalError"));
        }
        Some(Fault::ResetBefore) => {
            note(0);
            return Err(Hangup);
        }
        Some(Fault::ResetDuring(most)) => {
            read_up_to(request.into_body(), most).await;
            note(0);
            return Err(Hangup);
        }
        Some(Fault::ResetAfter) => {
            read_up_to(request.into_body(), u64::MAX).await;
            note(0);
            return Err(Hangup);
        }
        Some(Fault::Slow(ms)) => pause(ms).await,
        Some(
            Fault::LoseAnswer
            | Fault::CutAnswer
            | Fault::CutBody
            | Fault::OtherRange
            | Fault::ShortBody
            | Fault::OtherVersion
            | Fault::LateAnswer(_)
            | Fault::LateBody(_),
        )
        | None => {}
    }
    match forward(request, &origin).await {
        Ok(response) => {
            note(response.status().as_u16());
            match fault {
                Some(Fault::LoseAnswer) => {
                    let _ = response.into_body().collect().await;
                    Err(Hangup)
                }
                Some(Fault::CutAnswer) => cut(response, 64).await,
                Some(Fault::CutBody) => cut(response, 0).await,
                Some(Fault::OtherRange) => Ok(with(response, "content-range", "bytes 1-2/3").map(BodyExt::boxed)),
                Some(Fault::OtherVersion) => Ok(with(response, "etag", "\"another\"").map(BodyExt::boxed)),
                Some(Fault::ShortBody) => short(response).await,
                Some(Fault::LateBody(ms)) => late(response, ms).await,
                Some(Fault::LateAnswer(ms)) => {
                    pause(ms).await;
                    Ok(response.map(BodyExt::boxed))
                }
                _ => Ok(response.map(BodyExt::boxed)),
            }
        }
        Err(_) => {
            note(0);
            Err(Hangup)
        }
    }
}

async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Reads a body until `most` bytes have arrived.
async fn read_up_to(mut body: Incoming, most: u64) {
    let mut read = 0;
    while read < most {
        let Some(Ok(frame)) = body.frame().await else { return };
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

fn with<B>(mut response: Response<B>, name: &'static str, value: &'static str) -> Response<B> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// An answer without the last byte of its body and a matching Content-Length.
async fn short(response: Response<Incoming>) -> std::result::Result<Response<Body>, Hangup> {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    let body = body.slice(..body.len().saturating_sub(1));
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(Response::from_parts(head, Full::from(body).map_err(|infallible| match infallible {}).boxed()))
}

/// The first half of an answer, under a Content-Length for the whole and `more`.
async fn cut(response: Response<Incoming>, more: usize) -> std::result::Result<Response<Body>, Hangup> {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len() + more));
    let half = stream::once(ready(Ok(Frame::data(body.slice(..body.len() / 2)))));
    // What was sent so far must be flushed before the connection ends.
    let end = stream::once(pause(50)).filter_map(|()| ready(None));
    Ok(Response::from_parts(head, BodyExt::boxed(StreamBody::new(half.chain(end)))))
}

/// The answer with a pause of `ms` in the middle of its body.
async fn late(response: Response<Incoming>, ms: u64) -> std::result::Result<Response<Body>, Hangup> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    let (first, second) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
    let breath = stream::once(pause(ms)).map(move |()| Ok(Frame::data(second.clone())));
    Ok(Response::from_parts(head, BodyExt::boxed(StreamBody::new(stream::once(ready(Ok(Frame::data(first)))).chain(breath)))))
}

async fn forward(request: Request<Incoming>, origin: &str) -> Result<Response<Incoming>> {
    let stream = TcpStream::connect(origin).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

fn refuse(status: u16, code: &str) -> Response<Body> {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>injected</Message></Error>");
    let never = |infallible: Infallible| match infallible {};
    let mut response = Response::new(if status == 204 { Empty::new().map_err(never).boxed() } else { Full::from(text).map_err(never).boxed() });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/xml"));
    response
}
