//! A stand-in for the server in tests: each answers as its test says.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::edge::Edge;
use crate::retry::Retry;

pub type Answer = hyper::Response<Full<Bytes>>;

/// A running server; it ends with the test's runtime.
pub struct StandIn {
    pub url: String,
}

impl StandIn {
    /// Answers every request with `serve`, which may leave the body unread.
    pub async fn start<S, F>(serve: S) -> StandIn
    where
        S: Fn(Parts, Incoming) -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = Arc::new(serve);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serve = Arc::clone(&serve);
                tokio::spawn(async move {
                    let service = service_fn(move |request: hyper::Request<Incoming>| {
                        let (head, body) = request.into_parts();
                        let answer = serve(head, body);
                        async move { Ok::<_, Infallible>(answer.await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        StandIn { url }
    }

    /// A client of it that retries quickly.
    pub fn edge(&self) -> Edge {
        let mut edge = Edge::new(&self.url, "jt_test_key", "jts_secret").unwrap();
        edge.retry = Retry { base: Duration::from_millis(1), ..edge.retry };
        edge
    }
}

/// JSON with that status.
pub fn json_answer(status: u16, body: &Value) -> Answer {
    hyper::Response::builder().status(status).body(Full::from(body.to_string())).unwrap()
}

/// An asset `id` of `size` bytes, named `name.bin`.
pub fn asset_json(id: &str, size: u64, verification: &str) -> Value {
    json!({
        "id": id, "name": "name.bin", "size": size, "contentType": "application/octet-stream", "namespace": "jt_user_1", "s3Key": "k", "sha256": null,
        "verification": verification, "url": "http://x/files/a/name.bin", "createdAt": "2026-11-20T04:06:23.120Z",
    })
}
