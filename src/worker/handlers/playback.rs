//! `GET|HEAD /v/{token}/{path}`.

use std::rc::Rc;
use std::time::Duration;

use crate::access::caller::Caller;
use crate::auth::playback_token::VideoClaims;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::io::Io;
use crate::io::stale::Stale;
use crate::problem::{OriginFailure, Problem};
use crate::services::video::put::{MAX_ATTEMPTS, RETRY_MS};
use crate::services::video::reconcile;
use crate::video::path::VideoPath;
use crate::video::place::AtStore;
use crate::worker::content::video_source::source;
use crate::worker::content::{cache_stats, serve, warm};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// How many of the last attempts serve what the store has, whatever D1 says.
const AT_STORE: u32 = 4;

/// Serves a file of a video: playlist, segment or key.
pub async fn play(call: &Routed, method: &str) -> Result<Reply, Problem> {
    let Caller::Video(claims) = &*call.caller else { return Err(Problem::NotFound) };
    let path = VideoPath::parse(call.params.get("path").unwrap_or_default()).ok_or(Problem::NotFound)?;
    let source = source(call, claims, path.as_str()).await?;
    // Common Media Client Data (CTA-5004) is counted and never part of the cache key.
    if call.query("CMCD").is_some() {
        cache_stats::cmcd(&source);
    }
    let range = call.header("range");
    let (source, outcome) = match serve_with_retry(call, method, claims, &path, Rc::clone(&source)).await {
        Ok((now, reply)) => (now, Ok(reply)),
        Err(problem) => (source, Err(problem)),
    };
    cache_stats::replied(call, &source, &outcome);
    let reply = outcome?;
    if method == "GET" && reply.status < 300 {
        let held = call.clone();
        call.io.afterwards(async move { warm::after(&held, &source, path, range.as_deref()).await });
    }
    Ok(reply)
}

/// Serves a file that may be replaced concurrently. The origin has the new bytes slightly before D1 has the new row, and before other PoPs have invalidated
/// the descriptor. On a mismatch the descriptor is invalidated and read again, up to [`MAX_ATTEMPTS`] times. A writer that never pauses may be ahead of D1 each time:
/// the last attempts serve what the store has, of which one is as good as the next if the file is replaced between the look at the store and the read.
async fn serve_with_retry(
    call: &Routed,
    method: &str,
    claims: &VideoClaims,
    path: &VideoPath,
    known: Rc<ContentDescriptor>,
) -> Result<(Rc<ContentDescriptor>, Reply), Problem> {
    let mut source_now = known;
    let mut tries = MAX_ATTEMPTS;
    loop {
        tries -= 1;
        match serve::serve(call, method, Rc::clone(&source_now), claims.expires).await {
            Err(Problem::Origin(failure @ (OriginFailure::Unexpected(_) | OriginFailure::Unavailable))) if tries > 0 => {
                // An outage says nothing of the version: neither D1 nor the store is asked again for it.
                let differs = failure != OriginFailure::Unavailable;
                if differs {
                    call.io.forget(Stale::VideoFile(&claims.namespace, &claims.video, path.as_str())).await;
                }
                worker::Delay::from(Duration::from_millis(RETRY_MS)).await;
                source_now = source(call, claims, path.as_str()).await?;
                if differs && tries <= AT_STORE {
                    source_now = at_store(call, source_now).await?;
                }
            }
            reply => return Ok((source_now, reply?)),
        }
    }
}

/// The same file in the version that the store has now.
///
/// # Errors
/// Errors of the store; 404 if it has none.
async fn at_store(call: &Routed, source: Rc<ContentDescriptor>) -> Result<Rc<ContentDescriptor>, Problem> {
    let AtStore { etag, size } = reconcile::at_store(&call.io, &call.config, &source.s3_key).await?.ok_or(Problem::NotFound)?;
    Ok(Rc::new(ContentDescriptor { etag, size, ..(*source).clone() }))
}
