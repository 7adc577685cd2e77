//! A link to a server with its own delay and rate: an edge as a distant client sees it. It counts the parts that pass, and can be cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Result;

/// First bytes of a request for a part.
const PART: &[u8] = b"POST /api/jetty-speed/chunk";
const BUFFER: usize = 32 * 1024;
/// Interval at which a connection checks whether the link is dead.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

struct Shared {
    target: String,
    delay: Duration,
    bytes_per_second: f64,
    /// When the data accepted so far has been sent.
    free: Mutex<Instant>,
    parts: AtomicUsize,
    dead: AtomicBool,
}

/// A running link. All connections share its rate.
#[derive(Clone)]
pub struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Link {
    /// A link to `target` (`host:port`): each connection waits for `delay` before its first byte; all together send at most `bytes_per_second`. On its own thread.
    pub fn start(target: &str, delay: Duration, bytes_per_second: f64) -> Result<Link> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            delay,
            bytes_per_second,
            free: Mutex::new(Instant::now()),
            parts: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || runtime.block_on(accept(listener, of_thread)));
        Ok(Link { address, shared })
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests for parts so far.
    pub fn parts(&self) -> usize {
        self.shared.parts.load(Ordering::SeqCst)
    }

    /// true: aborts every connection and refuses new ones; false: accepts connections again.
    pub fn kill(&self, dead: bool) {
        self.shared.dead.store(dead, Ordering::SeqCst);
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        if !shared.dead.load(Ordering::SeqCst) {
            tokio::spawn(carry(client, Arc::clone(&shared)));
        }
    }
}

async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    tokio::time::sleep(shared.delay).await;
    let Ok(mut server) = TcpStream::connect(&shared.target).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        let mut buffer = vec![0; BUFFER];
        // The end of the previous read: a request's first bytes may be split over two reads.
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let count = from_client.read(&mut buffer).await.unwrap_or_default();
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return };
            tail.extend_from_slice(bytes);
            let found = tail.windows(PART.len()).filter(|window| *window == PART).count();
            shared.parts.fetch_add(found, Ordering::SeqCst);
            tail.drain(..tail.len().saturating_sub(PART.len() - 1));
            tokio::time::sleep_until(slot(&shared, count).into()).await;
            if to_server.write_all(bytes).await.is_err() {
                return;
            }
        }
    };
    let down = tokio::io::copy(&mut from_server, &mut to_client);
    let death = async {
        while !shared.dead.load(Ordering::SeqCst) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    tokio::select! {
        () = up => {}
        _ = down => {}
        () = death => {}
    }
}

/// When `bytes` more bytes have been sent.
fn slot(shared: &Shared, bytes: usize) -> Instant {
    let mut free = shared.free.lock().unwrap_or_else(PoisonError::into_inner);
    let takes = Duration::from_secs_f64(u32::try_from(bytes).map_or(0.0, f64::from) / shared.bytes_per_second);
    *free = (*free).max(Instant::now()) + takes;
    *free
}
