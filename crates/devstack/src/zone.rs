//! A zone in front of the Worker: a reverse proxy that passes everything on as it is, or has the habits of zones that are set wrongly.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, RANGE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::Result;
use crate::proxy::gzip;

/// What a zone does to requests and answers.
#[derive(Debug, Clone)]
pub enum Habit {
    /// E-mail addresses in HTML are hidden from robots.
    HidesMail,
    /// HTML and JSON are compressed for clients that take that.
    Compresses,
    /// Strong ETags become weak.
    WeakensETags,
    /// A request is passed on only after its last byte.
    BuffersRequests,
    /// The connection is reset after a 401 whose request is still being sent.
    ResetsRefusals,
    /// `//` in a path becomes `/`.
    MergesSlashes,
    /// `%2F` in a path becomes `/`.
    DecodesSlashes,
    /// `Range` is taken out of requests.
    DropsRanges,
    /// These fields are taken out of answers.
    Removes(&'static [&'static str]),
    /// The body of a webhook call is written otherwise.
    ChangesWebhooks,
    /// The API answers with a page that is to find out whether somebody is human.
    Challenges,
    /// The URL of each request goes into this file.
    LogsUrls(PathBuf),
    /// The zone is the data centre of that name.
    At(&'static str),
}

type Body = BoxBody<Bytes, std::io::Error>;

struct Shared {
    target: String,
    habits: Vec<Habit>,
    /// The address that all of its clients seem to have: unauthenticated calls are limited by address.
    client: String,
}

/// A running zone.
pub struct Zone {
    address: SocketAddr,
}

impl Zone {
    /// A zone in front of `target` (`host:port`), on its own thread.
    pub fn start(target: &str, habits: Vec<Habit>) -> Result<Zone> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let [_, b, c, d] = NUMBER.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        let shared = Arc::new(Shared { target: target.to_owned(), habits, client: format!("198.{b}.{c}.{d}") });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        std::thread::spawn(move || runtime.block_on(accept(listener, shared)));
        Ok(Zone { address })
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(request, Arc::clone(&shared)));
            // An error means that the connection ended, which a habit may have caused.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Shared {
    fn has(&self, is: impl Fn(&Habit) -> bool) -> bool {
        self.habits.iter().any(is)
    }

    /// The path as the zone passes it on.
    fn rewritten(&self, target: &str) -> String {
        let mut target = target.to_owned();
        if self.has(|habit| matches!(habit, Habit::DecodesSlashes)) {
            target = target.replace("%2F", "/").replace("%2f", "/");
        }
        while self.has(|habit| matches!(habit, Habit::MergesSlashes)) && target.contains("//") {
            target = target.replace("//", "/");
        }
        target
    }
}

async fn serve(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>> {
    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    for habit in &shared.habits {
        match habit {
            Habit::LogsUrls(path) => {
                std::fs::File::options().create(true).append(true).open(path)?.write_all(format!("{} {target}\n", head.method).as_bytes())?;
            }
            Habit::Challenges if target.starts_with("/api/") => {
                let mut page = Response::new(full("<!DOCTYPE html><title>Just a moment…</title>".into()));
                *page.status_mut() = StatusCode::FORBIDDEN;
                page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
                return Ok(page);
            }
            Habit::DropsRanges => {
                head.headers.remove(RANGE);
            }
            Habit::At(place) => {
                head.headers.insert("mf-cf-blob", format!("{{\"colo\":\"{place}\",\"clientAcceptEncoding\":\"\"}}").parse()?);
            }
            _ => {}
        }
    }
    head.headers.insert("cf-connecting-ip", shared.client.parse()?);
    head.uri = Uri::try_from(shared.rewritten(&target))?;
    let asks_for_gzip = head.headers.get("accept-encoding").is_some_and(|value| value.to_str().is_ok_and(|text| text.contains("gzip")));
    let arrived = Arc::new(AtomicBool::new(false));
    let body = if shared.has(|habit| matches!(habit, Habit::BuffersRequests)) {
        full(body.collect().await?.to_bytes())
    } else if shared.has(|habit| matches!(habit, Habit::ChangesWebhooks)) && target.starts_with("/api/webhooks/") {
        let changed: Bytes = body.collect().await?.to_bytes().iter().copied().filter(|byte| *byte != b' ').collect();
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(changed.len()));
        full(changed)
    } else {
        passed_on(body, Arc::clone(&arrived))
    };
    let answer = forward(Request::from_parts(head, body), &shared.target).await?;
    if answer.status() == StatusCode::UNAUTHORIZED && !arrived.load(Ordering::SeqCst) && shared.has(|habit| matches!(habit, Habit::ResetsRefusals)) {
        return Err("reset".into());
    }
    altered(answer, &shared, asks_for_gzip).await
}

fn full(bytes: Bytes) -> Body {
    Full::from(bytes).map_err(|never| match never {}).boxed()
}

/// The body, passed on block by block. What the other side does not take any more is read and thrown away, so that the client gets to read the answer.
fn passed_on(mut body: Incoming, arrived: Arc<AtomicBool>) -> Body {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        let mut sender = Some(sender);
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(block) = frame.into_data() else { continue };
            if let Some(open) = &sender
                && open.send(block).await.is_err()
            {
                sender = None;
            }
        }
        arrived.store(true, Ordering::SeqCst);
    });
    let blocks = stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|block| (Ok(Frame::data(block)), receiver)) });
    BodyExt::boxed(StreamBody::new(blocks))
}

async fn forward(request: Request<Body>, target: &str) -> Result<Response<Incoming>> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The answer as the zone gives it.
async fn altered(answer: Response<Incoming>, shared: &Shared, asks_for_gzip: bool) -> Result<Response<Body>> {
    let (mut head, body) = answer.into_parts();
    let is_whole = head.status == StatusCode::OK;
    let kind = text(&head.headers, &CONTENT_TYPE).to_owned();
    for habit in &shared.habits {
        match habit {
            Habit::WeakensETags => {
                let strong = text(&head.headers, &ETAG).to_owned();
                if strong.starts_with('"') {
                    head.headers.insert(ETAG, format!("W/{strong}").parse()?);
                }
            }
            Habit::Removes(names) => names.iter().for_each(|name| {
                head.headers.remove(*name);
            }),
            _ => {}
        }
    }
    let hides = is_whole && kind.starts_with("text/html") && shared.has(|habit| matches!(habit, Habit::HidesMail));
    let is_text = kind.starts_with("text/html") || kind.starts_with("application/json");
    let compresses = is_whole && is_text && asks_for_gzip && shared.has(|habit| matches!(habit, Habit::Compresses));
    if !hides && !compresses {
        let body = body.map_err(std::io::Error::other);
        let is_sized = head.headers.contains_key(CONTENT_LENGTH);
        return Ok(Response::from_parts(head, if is_sized { body.boxed() } else { BodyExt::boxed(StreamBody::new(BodyStream::new(body))) }));
    }
    let mut bytes = body.collect().await?.to_bytes();
    if hides {
        bytes = String::from_utf8_lossy(&bytes).replace("a@example.com", "<a class=\"hidden\" href=\"/decoder#0a4b\">[protected]</a>").into();
    }
    if compresses {
        bytes = gzip(&bytes);
        head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        head.headers.remove(CONTENT_LENGTH);
        let blocks = stream::iter([Ok(Frame::data(bytes))]);
        return Ok(Response::from_parts(head, BodyExt::boxed(StreamBody::new(blocks))));
    }
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Ok(Response::from_parts(head, full(bytes)))
}
