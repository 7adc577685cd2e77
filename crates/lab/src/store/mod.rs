//! An S3 store for measurements: in memory, on one thread or two, path style, for whatever tool. It compares every body with `x-amz-content-sha256`, and parts
//! with their ETags; it does not verify signatures, and keeps the bytes of the newest objects only (GET of an older one: 403 `InvalidObjectState`).

mod answers;
mod body;
mod chunked;
mod contents;
mod operations;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jettyspeed_devstack::Result;
use tokio::net::TcpListener;

pub use operations::Store;

/// Bytes that are kept.
pub const KEPT: u64 = 4_000_000_000;

/// Serves at `address` until it is ended.
pub async fn serve(address: SocketAddr) -> Result<()> {
    let (listener, store) = (TcpListener::bind(address).await?, Arc::new(Store::new(KEPT)));
    loop {
        // A connection that ends while it is accepted, or too many at once: the next may do.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let store = Arc::clone(&store);
                async move { Ok::<_, Infallible>(store.answer(request).await) }
            });
            // A connection that breaks is the client's business.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
