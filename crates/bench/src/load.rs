//! Load generation: requests over persistent connections, with bodies from one shared buffer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use jettyspeed_devstack::Result;

/// Idle time after which a new connection is opened instead: workerd closes idle connections after 15 s (measured, workerd 2026-11-17).
const KEEP: Duration = Duration::from_secs(2);

/// A kind of request, made for part `n`.
#[derive(Clone)]
pub struct Target {
    /// `127.0.0.1:port`
    pub address: String,
    /// HTTP method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Header fields besides Host and Content-Length.
    pub headers: Vec<(String, String)>,
    /// Name of the header that carries the part's number, if any.
    pub part_header: Option<&'static str>,
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Bytes,
    /// Time from the request to the end of the response, ms.
    pub ms: f64,
    server_timing: String,
    /// `Cache-Status`
    pub cache_status: String,
    /// `Content-Type`
    pub content_type: String,
    /// `Retry-After`; empty without one.
    pub retry_after: String,
}

impl Answer {
    /// One of this status and these header fields.
    #[cfg(test)]
    pub fn of_parts(status: u16, content_type: &str, retry_after: &str) -> Answer {
        let (content_type, retry_after) = (content_type.to_owned(), retry_after.to_owned());
        Answer { status, body: Bytes::new(), ms: 0.0, server_timing: String::new(), cache_status: String::new(), content_type, retry_after }
    }

    /// Duration of a step according to the Worker's Server-Timing, ms.
    pub fn step(&self, name: &str) -> Result<f64> {
        let step = self.server_timing.split(", ").find_map(|step| step.strip_prefix(name)?.strip_prefix(";dur=")?.parse().ok());
        step.ok_or_else(|| format!("no step {name} in '{}'", self.server_timing).into())
    }

    /// This response if it has that status; otherwise an error with its body.
    pub fn of_status(self, expected: u16) -> Result<Answer> {
        if self.status == expected { Ok(self) } else { Err(format!("HTTP {}: {}", self.status, String::from_utf8_lossy(&self.body)).into()) }
    }
}

/// A persistent connection.
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

    /// Sends one request and reads its response; anything but a 200 is an error.
    pub async fn send(&mut self, target: &Target, part: u32, body: Bytes) -> Result<()> {
        match self.request(target, part, body).await? {
            (200, _) => Ok(()),
            (status, body) => Err(format!("{} {}: HTTP {status}: {}", target.method, target.path, String::from_utf8_lossy(&body)).into()),
        }
    }

    /// Sends one request; returns the status and body of the response.
    pub async fn request(&mut self, target: &Target, part: u32, body: Bytes) -> Result<(u16, Bytes)> {
        let answer = self.exchange(target, part, body).await?;
        Ok((answer.status, answer.body))
    }

    /// Sends one request and reads the response without keeping it; returns its size, bytes. Anything but a 200 or 206 is an error.
    pub async fn drain(&mut self, target: &Target) -> Result<u64> {
        let mut request = Request::builder().method(&target.method).uri(&target.path).header("host", &target.address);
        for (name, value) in &target.headers {
            request = request.header(name, value);
        }
        self.sender.ready().await?;
        let mut answer = self.sender.send_request(request.body(Full::default())?).await?;
        if !answer.status().is_success() {
            return Err(format!("HTTP {}: {}", answer.status(), String::from_utf8_lossy(&answer.into_body().collect().await?.to_bytes())).into());
        }
        let mut bytes = 0;
        while let Some(frame) = answer.frame().await {
            bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        Ok(bytes)
    }

    /// Sends one request; returns its response.
    pub async fn exchange(&mut self, target: &Target, part: u32, body: Bytes) -> Result<Answer> {
        let mut request = Request::builder().method(&target.method).uri(&target.path).header("host", &target.address);
        for (name, value) in &target.headers {
            request = request.header(name, value);
        }
        if let Some(name) = target.part_header {
            request = request.header(name, part);
        }
        self.sender.ready().await?;
        let sent_at = Instant::now();
        let answer = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status().as_u16();
        let field = |name: &str| answer.headers().get(name).and_then(|field| field.to_str().ok()).unwrap_or_default().to_owned();
        let (server_timing, cache_status) = (field("server-timing"), field("cache-status"));
        let (content_type, retry_after) = (field("content-type"), field("retry-after"));
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body, ms: sent_at.elapsed().as_secs_f64() * 1000.0, server_timing, cache_status, content_type, retry_after })
    }
}

/// Sends parts `first..first + count`, `in_flight` at once. Returns the duration.
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

/// Sends about `count` requests over one connection per lane, each as soon as its lane has the previous response; anything but a 200 is an error.
pub async fn answers(lanes: &[(Target, Bytes)], part: u32, count: u32) -> Result<Vec<Answer>> {
    let each = count.div_ceil(u32::try_from(lanes.len())?.max(1));
    let mut running: JoinSet<Result<Vec<Answer>>> = JoinSet::new();
    for (target, body) in lanes.iter().cloned() {
        let mut connection = Connection::open(&target.address).await?;
        running.spawn(async move {
            let mut answers = Vec::new();
            for _ in 0..each {
                answers.push(connection.exchange(&target, part, body.clone()).await?.of_status(200)?);
            }
            Ok(answers)
        });
    }
    let mut answers = Vec::new();
    while let Some(lane) = running.join_next().await {
        answers.extend(lane??);
    }
    Ok(answers)
}

/// Sends requests over `in_flight` persistent connections, each as soon as it has its response, for `lasting`. Returns requests per second.
pub async fn requests_per_second(target: &Target, in_flight: u32, lasting: Duration) -> Result<f64> {
    let mut connections = Vec::new();
    for _ in 0..in_flight {
        connections.push(Connection::open(&target.address).await?);
    }
    let started = Instant::now();
    let mut lanes: JoinSet<Result<u32>> = JoinSet::new();
    for mut connection in connections {
        let target = target.clone();
        lanes.spawn(async move {
            let mut count = 0;
            while started.elapsed() < lasting {
                connection.send(&target, 0, Bytes::new()).await?;
                count += 1;
            }
            Ok(count)
        });
    }
    let mut count = 0;
    while let Some(lane) = lanes.join_next().await {
        count += lane??;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

/// Sends requests at fixed instants, `rate` per second, `count` in total, regardless of earlier responses (open loop). Returns the time from each instant to
/// its response, ms, with the response: a server that stalls is charged for every request that was due meanwhile. Anything but a 200 is an error.
pub async fn open_loop(target: &Target, rate: u32, count: u32) -> Result<Vec<(f64, Answer)>> {
    let idle: Arc<Mutex<Vec<(Instant, Connection)>>> = Arc::default();
    let mut pending: JoinSet<Result<(f64, Answer)>> = JoinSet::new();
    let started = Instant::now();
    for number in 0..count {
        let due = started + Duration::from_secs(1) * number / rate;
        tokio::time::sleep_until(due.into()).await;
        let (target, idle) = (target.clone(), Arc::clone(&idle));
        pending.spawn(async move {
            let kept = idle.lock().await.pop();
            let mut connection = match kept {
                Some((since, connection)) if since.elapsed() < KEEP => connection,
                _ => Connection::open(&target.address).await?,
            };
            let answer = connection.exchange(&target, 0, Bytes::new()).await?.of_status(200)?;
            let took = due.elapsed().as_secs_f64() * 1000.0;
            idle.lock().await.push((Instant::now(), connection));
            Ok((took, answer))
        });
    }
    let mut samples = Vec::new();
    while let Some(sample) = pending.join_next().await {
        samples.push(sample??);
    }
    Ok(samples)
}
