//! A proxy between Worker and origin that counts, refuses what a strict store would, and breaks things on demand.
//!
//! It keeps the Host header, so a request signed for the proxy's address verifies at the origin behind it.

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

/// One request as it passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// HTTP method.
    pub method: String,
    /// Path and query, as on the wire.
    pub target: String,
    /// The origin's status (or the one made up for it).
    pub status: u16,
    /// `Content-Length` as it came.
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

/// What to do to a request instead of passing it on and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answer this status with an S3 error of that code; the origin does not see it.
    Answer(u16, &'static str),
    /// Let the origin do it, then drop the connection instead of answering.
    LoseAnswer,
    /// Answer 200 with an S3 error inside; the origin does not see it.
    ErrorInside,
    /// Let the origin do it, then break its answer off in the middle of the body.
    CutAnswer,
    /// Let the origin do it, announce its answer's length truly, and end the connection in the middle of the body.
    CutBody,
    /// Answer the same bytes as another range of the object.
    OtherRange,
    /// Answer the same with a body that is shorter and says so.
    ShortBody,
    /// Answer the same as another version of the object.
    OtherVersion,
    /// Drop the connection without reading a byte of the body; the origin does not see it.
    ResetBefore,
    /// Drop it after so many bytes of the body; the origin does not see it.
    ResetDuring(u64),
    /// Drop it after the whole body; the origin does not see it.
    ResetAfter,
    /// Pass it on only after so many milliseconds.
    Slow(u64),
    /// Let the origin do it, and hold its answer back for so many milliseconds.
    LateAnswer(u64),
    /// The same with the second half of the answer's body.
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
    /// Listens on a free port in front of `origin` (`host:port`). Runs on a thread of its own, so that it outlives the runtime of any one test.
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

    /// From now on asks `rule` about every request.
    pub fn inject(&self, rule: impl FnMut(&Method, &str) -> Option<Fault> + Send + 'static) {
        *lock(&self.shared.rule) = Some(Box::new(rule));
    }

    /// Breaks nothing any more.
    pub fn heal(&self) {
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
            // An error here is a connection that ended, ours to lose.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Ends the connection without an answer.
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
    // A strict store: what carries a body says how long it is.
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
            swallow(request.into_body(), most).await;
            note(0);
            return Err(Hangup);
        }
        Some(Fault::ResetAfter) => {
            swallow(request.into_body(), u64::MAX).await;
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

/// Reads a body until `most` bytes of it have come.
async fn swallow(mut body: Incoming, most: u64) {
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

/// An answer without the last byte of its body, under a length that is true.
async fn short(response: Response<Incoming>) -> std::result::Result<Response<Body>, Hangup> {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    let body = body.slice(..body.len().saturating_sub(1));
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(Response::from_parts(head, Full::from(body).map_err(|infallible| match infallible {}).boxed()))
}

/// The first half of an answer, though its head announces the whole and `more`.
async fn cut(response: Response<Incoming>, more: usize) -> std::result::Result<Response<Body>, Hangup> {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len() + more));
    let half = stream::once(ready(Ok(Frame::data(body.slice(..body.len() / 2)))));
    // What came so far has to be out before the connection ends.
    let end = stream::once(pause(50)).filter_map(|()| ready(None));
    Ok(Response::from_parts(head, BodyExt::boxed(StreamBody::new(half.chain(end)))))
}

/// The answer, with a long breath in the middle of its body.
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
