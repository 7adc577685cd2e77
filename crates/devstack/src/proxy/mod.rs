//! A proxy between Worker and store that counts requests, refuses what a strict store would refuse, and injects faults.
//!
//! It keeps the Host header, so a request that was signed for the proxy's address verifies at the store behind it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::Result;
pub(crate) use crate::proxy::body::gzip;
use crate::proxy::body::{Body, Hangup, pause, read_up_to, refuse};
use crate::proxy::dialect::{Dialect, dialect};
pub use crate::proxy::fault::Fault;

mod body;
pub mod dialect;
mod fault;
mod twist;

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

type Rule = Box<dyn FnMut(&Method, &str) -> Option<Fault> + Send>;

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    rule: Mutex<Option<Rule>>,
    dialects: Mutex<Vec<Dialect>>,
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

    /// From now on the store speaks these dialects, by their names in [`dialect::DIALECTS`], and no others.
    ///
    /// # Panics
    /// There is no dialect of that name.
    pub fn speak(&self, names: &[&str]) {
        let named = |name: &&str| dialect(name).unwrap_or_else(|| panic!("no dialect {name}"));
        *lock(&self.shared.dialects) = names.iter().map(named).collect();
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

async fn serve(mut request: Request<Incoming>, origin: String, shared: Arc<Shared>) -> std::result::Result<Response<Body>, Hangup> {
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
            read_up_to(request.body_mut(), most).await;
            note(0);
            return Err(Hangup);
        }
        Some(Fault::ResetAfter) => {
            read_up_to(request.body_mut(), u64::MAX).await;
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
    let twists = twist::of_request(&lock(&shared.dialects), &method, &target);
    if let Some(response) = twist::before(&twists, &mut request).await {
        note(response.status().as_u16());
        return Ok(response);
    }
    let asked = request.headers().clone();
    match forward(request, &origin).await {
        Ok(response) => {
            note(response.status().as_u16());
            let response = fault::answer(response, fault).await?;
            twist::answer(&twists, &asked, response).await
        }
        Err(_) => {
            note(0);
            Err(Hangup)
        }
    }
}

async fn forward(request: Request<Incoming>, origin: &str) -> Result<Response<Incoming>> {
    let stream = TcpStream::connect(origin).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}
