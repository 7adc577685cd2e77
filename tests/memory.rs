//! The client's memory: 100 MB chunks, 32 in flight, at most 128 MB resident. Against a stand-in for the server, so that nothing but the client is measured.

use std::convert::Infallible;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const CHUNK: u64 = 100_000_000;
const PARTS: u32 = 32;
/// Maximum resident memory, bytes (docs/command.md, Uploading).
const MAX: u64 = 128_000_000;

#[derive(Default)]
struct Watched {
    pid: AtomicU32,
    in_flight: AtomicU32,
    most_in_flight: AtomicU32,
    received: AtomicU64,
    peak: AtomicU64,
}

fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(u64::MAX / 1024) * 1024
}

async fn serve(request: Request<Incoming>, watched: Arc<Watched>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let number = request.headers().get("x-part-number").and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    let mut body = request.into_body();
    if path == "/api/jetty-speed/chunk" {
        let now = watched.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        watched.most_in_flight.fetch_max(now, Ordering::SeqCst);
        // No byte is read before all parts are in flight: the client buffers as much as it ever will.
        for _ in 0..1_000 {
            if watched.most_in_flight.load(Ordering::SeqCst) == PARTS {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while let Some(Ok(frame)) = body.frame().await {
            watched.received.fetch_add(frame.data_ref().map_or(0, |data| data.len() as u64), Ordering::SeqCst);
        }
        watched.in_flight.fetch_sub(1, Ordering::SeqCst);
        let stored = json!({ "partNumber": number, "etag": "e", "size": 1, "sha256": null, "receipt": "r" });
        return Ok(Response::new(Full::from(stored.to_string())));
    }
    let sent = body.collect().await.map(|all| all.to_bytes()).unwrap_or_default();
    let sent: Value = serde_json::from_slice(&sent).unwrap_or(Value::Null);
    let answer = if path == "/api/jetty/sessions" {
        json!({ "sessions": [], "cursor": null })
    } else if path == "/api/jetty/optimal-edges" {
        json!({ "strategy": { "chunkSize": CHUNK, "chunkCount": PARTS, "threads": PARTS } })
    } else if sent["action"] == "start" {
        json!({
            "sessionId": "s", "uploadToken": "t", "missingParts": (1..=PARTS).collect::<Vec<_>>(),
            "strategy": { "chunkSize": CHUNK, "chunkCount": PARTS, "threads": PARTS }
        })
    } else {
        watched.peak.store(peak_memory(watched.pid.load(Ordering::SeqCst)), Ordering::SeqCst);
        let asset = json!({
            "id": "a", "name": "n", "size": 1, "contentType": "a/b", "namespace": "ns", "s3Key": "k", "sha256": null, "verification": "none",
            "url": "u", "createdAt": "t"
        });
        json!({ "asset": asset, "chunks": PARTS, "bytesSent": 0, "bytesSaved": 0 })
    };
    Ok(Response::new(Full::from(answer.to_string())))
}

#[tokio::test]
async fn thirty_two_chunks_of_100_mb_in_flight_fit_into_128_mb() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let watched = Arc::new(Watched::default());
    let shared = Arc::clone(&watched);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let watched = Arc::clone(&shared);
            let service = service_fn(move |request| serve(request, Arc::clone(&watched)));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse.bin");
    std::fs::File::create(&path).unwrap().set_len(CHUNK * u64::from(PARTS)).unwrap();
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("jetty");
    let mut child = Command::new(program)
        .args([
            "--json",
            "--url",
            &format!("http://{address}"),
            "--key",
            "k",
            "--secret",
            "s",
            "upload",
            "--no-dedup",
            "--threads",
            &PARTS.to_string(),
        ])
        .arg(&path)
        .env("JETTY_CONFIG", folder.path().join("none.toml"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    watched.pid.store(child.id(), Ordering::SeqCst);
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(status.success());
    assert_eq!(watched.received.load(Ordering::SeqCst), CHUNK * u64::from(PARTS));
    assert_eq!(watched.most_in_flight.load(Ordering::SeqCst), PARTS);
    let peak = watched.peak.load(Ordering::SeqCst);
    println!("peak resident memory of jetty: {:.1} MB", peak as f64 / 1e6);
    assert!(peak <= MAX, "{peak} bytes");
}
