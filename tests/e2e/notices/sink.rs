//! An endpoint on this machine, which answers by the path that is called, and keeps what came.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::eventually;

/// A call that came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether the reference library verifies it with that secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        standardwebhooks::Webhook::new(secret).unwrap().verify(self.body.as_bytes(), &self.headers).is_ok()
    }

    pub fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().unwrap()
    }
}

#[derive(Clone)]
pub struct Sink {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Sink {
    pub async fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Sink { url: format!("http://{}", listener.local_addr().unwrap()), seen: Arc::default() };
        let held = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let held = held.clone();
                tokio::spawn(async move { held.serve(stream).await });
            }
        });
        sink
    }

    /// What was posted to paths that begin with `path`.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path.starts_with(path)).cloned().collect()
    }

    /// The same once there are so many.
    pub async fn wait(&self, path: &str, count: usize) -> Vec<Seen> {
        eventually(Duration::from_secs(60), async || {
            let seen = self.seen(path);
            if seen.len() >= count { Ok(seen) } else { Err(format!("{} at {path}", seen.len())) }
        })
        .await
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let seen = read(&mut stream).await?;
            let before = self.seen(&seen.path).len();
            let path = seen.path.clone();
            self.seen.lock().unwrap().push(seen);
            let answer = |head: &str, body: &str| format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let text = match path.split('/').nth(1).unwrap() {
                "failing" if before == 0 => answer("500 Internal Server Error\r\nContent-Type: text/plain", "not now"),
                "refusing" => answer("503 Service Unavailable", "never"),
                "redirect" => answer(&format!("302 Found\r\nLocation: {}/stolen", self.url), "elsewhere"),
                "slow" => {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    return None;
                }
                "drip" => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.ok()?;
                    // As long as somebody reads.
                    loop {
                        stream.write_all(b"4\r\ndrip\r\n").await.ok()?;
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                }
                "long" => answer("200 OK", &"x".repeat(5_000_000)),
                "odd" => answer("200 OK\r\nContent-Type: text/html", "<script>\0\u{1b}[31m\u{fc}</script>"),
                _ => answer("204 No Content", ""),
            };
            stream.write_all(text.as_bytes()).await.ok()?;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let path = lines.next()?.strip_prefix("POST ")?.split(' ').next()?.to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let length: usize = headers.get("content-length")?.to_str().unwrap().parse().unwrap();
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { path, headers, body: String::from_utf8(bytes[end..end + length].to_vec()).unwrap() })
}
