//! `GET /metrics`.

use crate::analytics::metrics::exposition::CONTENT_TYPE;
use crate::problem::Problem;
use crate::services::metrics;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// What an operator watches, as Prometheus reads it.
pub async fn scrape(call: &Routed) -> Result<Reply, Problem> {
    let scrape = metrics::scrape(&call.io).await?;
    let mut reply = Reply::text(200, CONTENT_TYPE, scrape.text(env!("CARGO_PKG_VERSION")));
    reply.headers.retain(|(name, _)| *name != "cache-control");
    reply.headers.push(("cache-control", "no-store".to_owned()));
    Ok(reply)
}
