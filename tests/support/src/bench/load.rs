//! The load: requests over kept connections, bodies out of one shared buffer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;

/// One kind of request, made for part `n`.
#[derive(Clone)]
pub struct Target {
    /// `127.0.0.1:port`
    pub address: String,
    /// HTTP method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Header fields beside Host and Content-Length.
    pub headers: Vec<(String, String)>,
    /// Name of the header that carries the part's number, if any.
    pub part_header: Option<&'static str>,
}

/// A kept connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: &str) -> Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection { sender })
    }

    /// Sends one request and reads its answer; anything but a 200 is an error.
    pub async fn send(&mut self, target: &Target, part: u32, body: Bytes) -> Result<()> {
        let mut request = Request::builder().method(&target.method).uri(&target.path).header("host", &target.address);
        for (name, value) in &target.headers {
            request = request.header(name, value);
        }
        if let Some(name) = target.part_header {
            request = request.header(name, part);
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status == 200 { Ok(()) } else { Err(format!("HTTP {status}: {}", String::from_utf8_lossy(&body)).into()) }
    }
}

/// Sends parts `first..first + count`, `in_flight` at once. Returns how long it took.
pub async fn send_parts(target: &Target, body: &Bytes, first: u32, count: u32, in_flight: u32) -> Result<Duration> {
    let mut connections = Vec::new();
    for _ in 0..in_flight {
        connections.push(Connection::open(&target.address).await?);
    }
    let started = Instant::now();
    let mut lanes: JoinSet<Result<()>> = JoinSet::new();
    for (lane, mut connection) in (0..in_flight).zip(connections) {
        let (target, body) = (target.clone(), body.clone());
        lanes.spawn(async move {
            for part in (first..first + count).filter(|part| part % in_flight == lane) {
                connection.send(&target, part, body.clone()).await?;
            }
            Ok(())
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    Ok(started.elapsed())
}
