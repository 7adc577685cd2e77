//! Ports and readiness.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::Result;
use crate::credentials::random;

/// A free port below the ephemeral range, so that no outgoing connection takes it before its server does.
pub fn free_port() -> Result<u16> {
    let first = u16::from_le_bytes(random()?) % 10_000;
    for offset in 0..1_000 {
        let port = 20_000 + (first + offset) % 10_000;
        if port_is_free(port) {
            return Ok(port);
        }
    }
    Err("no free port".into())
}

/// Whether `port` can be listened on.
pub fn port_is_free(port: u16) -> bool {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}

/// A builder of an HTTP client that uses no proxy.
pub fn http() -> reqwest::ClientBuilder {
    // reqwest without a TLS provider needs an installed one. An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

/// Waits until `url` answers with success; `alive` is called in between and ends the wait with an error if the server has died.
pub async fn wait_ready(what: &str, url: &str, limit: Duration, alive: impl FnMut() -> bool) -> Result<()> {
    wait_until(what, url, limit, alive, |status| (200..300).contains(&status)).await
}

/// The same until it answers with a status that `fits`.
pub async fn wait_until(what: &str, url: &str, limit: Duration, mut alive: impl FnMut() -> bool, fits: impl Fn(u16) -> bool) -> Result<()> {
    let client = http().timeout(Duration::from_secs(2)).build()?;
    let started = Instant::now();
    let mut last = "no answer".to_owned();
    while started.elapsed() < limit {
        match client.get(url).send().await {
            Ok(answer) if fits(answer.status().as_u16()) => return Ok(()),
            Ok(answer) => last = format!("HTTP {}: {}", answer.status().as_u16(), answer.text().await.unwrap_or_default()),
            Err(error) => last = error.to_string(),
        }
        if !alive() {
            return Err(format!("{what} stopped while starting ({last})").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("{what} was not ready after {} s ({last})", limit.as_secs()).into())
}
