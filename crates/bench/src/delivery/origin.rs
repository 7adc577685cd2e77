//! A store of objects whose key ends with their size: it sends the requested ranges as fast as they are read, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::head;
use jettyspeed_devstack::Result;

/// The ETag of every object, without quotes.
pub const ETAG: &str = "0123456789abcdef0123456789abcdef";
/// The playlist of [`super::SEGMENTS`] segments.
pub const PLAYLIST: &str = "index.m3u8";

/// Counters of reads.
#[derive(Debug, Default)]
pub struct Reads {
    /// Number of requests.
    pub requests: AtomicU64,
    /// Bytes of the responses.
    pub bytes: AtomicU64,
}

impl Reads {
    /// Requests and bytes so far.
    pub fn now(&self) -> (u64, u64) {
        (self.requests.load(Ordering::SeqCst), self.bytes.load(Ordering::SeqCst))
    }
}

/// Starts it on its own thread; returns its address, `127.0.0.1:port`.
pub fn start(reads: Arc<Reads>, playlist: String) -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let playlist: Arc<str> = playlist.into();
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            while let Ok((stream, _)) = listener.accept().await {
                let (reads, playlist) = (Arc::clone(&reads), Arc::clone(&playlist));
                // A connection that ends is not an error of the benchmark.
                tokio::spawn(async move { serve(stream, &reads, &playlist).await.ok() });
            }
        });
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream, reads: &Reads, playlist: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let zeros = vec![0u8; 256 * 1024];
    let (mut buffer, mut filled) = (vec![0u8; 16 * 1024], 0);
    loop {
        let Some(end) = head::read(&mut stream, &mut buffer, &mut filled).await? else { return Ok(()) };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.copy_within(end..filled, 0);
        filled -= end;
        let target = head.split(' ').nth(1).unwrap_or_default();
        let name = target.rsplit('/').next().unwrap_or_default();
        let size: u64 =
            if name == PLAYLIST { playlist.len() as u64 } else { name.split(['-', '.']).next().and_then(|size| size.parse().ok()).unwrap_or(0) };
        let range = head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            let (first, last) = value.trim().strip_prefix("bytes=").filter(|_| field.eq_ignore_ascii_case("range"))?.split_once('-')?;
            Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?.min(size.saturating_sub(1))))
        });
        let (status, first, bytes) = match range {
            Some((first, last)) => (format!("206 Partial Content\r\nContent-Range: bytes {first}-{last}/{size}"), first, last + 1 - first),
            None => ("200 OK".to_owned(), 0, size),
        };
        reads.requests.fetch_add(1, Ordering::SeqCst);
        reads.bytes.fetch_add(bytes, Ordering::SeqCst);
        let answer = format!("HTTP/1.1 {status}\r\nETag: \"{ETAG}\"\r\nContent-Length: {bytes}\r\nContent-Type: application/octet-stream\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        if head.starts_with("HEAD") {
            continue;
        }
        if name == PLAYLIST {
            stream.write_all(playlist.get(first as usize..(first + bytes) as usize).unwrap_or_default().as_bytes()).await?;
            continue;
        }
        let mut left = bytes;
        while left > 0 {
            let count = left.min(zeros.len() as u64);
            stream.write_all(&zeros[..count as usize]).await?;
            left -= count;
        }
    }
}
