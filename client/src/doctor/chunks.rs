//! How chunks travel: they are passed on while they arrive, and a refusal is readable while they are still being sent.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use reqwest::{Body, Method};

use super::content::noise;
use super::paced_body::{Pace, PacedBody};
use super::report::Verdict;
use super::visit::Visit;
use crate::Error;
use crate::api::{Start, Stored};
use crate::edge::StartFile;
use crate::hash;

/// The pause in the middle of a chunk. A Worker that sees the request before the pause takes longer than that.
const PAUSE: Duration = Duration::from_secs(2);
/// Bytes of that chunk.
const CHUNK: usize = 65_536;

/// The declared length of the chunk that is refused, bytes: the largest body of the provider's smaller plans.
const LARGE: u64 = 100_000_000;
/// It is sent in blocks of so many bytes, one every few milliseconds: slowly enough that a server which reads some tens of kilobytes more after its answer, and
/// then closes, leaves a busy client time to read that answer.
const BLOCK: usize = 16_384;
const BLOCK_PAUSE: Duration = Duration::from_millis(20);
/// How long the refusal may take.
const REFUSAL_LIMIT: Duration = Duration::from_secs(15);
/// So many refusals of one kind decide: a connection may break for reasons of its own.
const DECIDES: u32 = 2;

const UNBUFFERED: &str =
    "switch request buffering off in the zone's settings (proxy_request_buffering for an nginx in front): chunks must be passed on while they arrive";

const LINGERING: &str = "whatever stands in front of the Worker must read on for a while after it has answered (lingering close): \
     else clients repeat what is refused";

/// A chunk that pauses in the middle is seen by the Worker before the pause.
pub async fn streaming(visit: &Visit) -> Result<Verdict, Error> {
    let bytes = noise(&visit.id, CHUNK);
    let name = format!("{}-chunk.bin", visit.prefix());
    let file = StartFile {
        name: &name,
        size: CHUNK as u64,
        content_type: None,
        namespace: None,
        chunk_size: None,
        hashes: None,
        place: None,
        modified_at: None,
        proof: None,
    };
    let Start::Open(started) = visit.edge.start(file).await? else { return Err(Error::Unexpected("a new file is there already".to_owned())) };
    visit.note("upload token", &started.upload_token);
    let half = CHUNK / 2;
    let (first, second) = (bytes.slice(..half), bytes.slice(half..));
    let pace = Pace::default();
    let body = PacedBody::new(CHUNK as u64, [(Duration::ZERO, first), (PAUSE, second)].into_iter(), pace.clone());
    let request = visit.edge.part(visit.edge.base(), &started.upload_token);
    let request = request.header("X-Part-Number", 1).header("X-Chunk-SHA256", hash::of_bytes(bytes).await?);
    let answer = visit.send(request.body(Body::wrap(body))).await?.success()?;
    if let Ok(stored) = answer.json::<Stored>() {
        visit.note("receipt", &stored.receipt);
    }
    let after = pace.sent().1.map_or(Duration::ZERO, |last| last.elapsed());
    Ok(seen_early(answer.timing("total"), after))
}

/// The verdict from how long the Worker says it had the request, ms, and how long the answer took after the last byte.
fn seen_early(total: Option<f64>, after: Duration) -> Verdict {
    let Some(total) = total else {
        return Verdict::failure("the answer has no Server-Timing with 'total'", "let no rule of the zone remove header fields from answers of /api");
    };
    let detail = format!("the Worker had the request for {total:.0} ms of a chunk that paused for {} ms", PAUSE.as_millis());
    // Behind a buffer the Worker has the request only after the last byte.
    let least = (after + PAUSE / 2).as_secs_f64() * 1000.0;
    if total >= least { Verdict::ok(detail) } else { Verdict::failure(detail, UNBUFFERED) }
}

/// How an attempt to be refused ended.
enum Refusal {
    /// The Worker's 401, after so many bytes.
    Read(u64),
    /// Another answer.
    Other(u16),
    /// The connection broke, after so many bytes.
    Lost(u64),
    /// No answer within [`REFUSAL_LIMIT`].
    Late,
}

/// A 401 is readable while a body of 100 MB is still being sent.
pub async fn early_refusal(visit: &Visit) -> Result<Verdict, Error> {
    let (mut read, mut lost) = (0, 0);
    loop {
        match refused(visit).await? {
            Refusal::Other(status) => {
                let detail = format!("HTTP {status} instead of 401 for a chunk with a wrong token");
                return Ok(Verdict::failure(
                    detail,
                    "let the zone pass requests for /api/jetty-speed to the Worker, and bodies of 100 MB (its plan's limit)",
                ));
            }
            Refusal::Late => {
                return Ok(Verdict::warning(format!("no 401 within {} s of sending", REFUSAL_LIMIT.as_secs()), UNBUFFERED));
            }
            Refusal::Read(sent) => {
                read += 1;
                if read == DECIDES {
                    return Ok(Verdict::ok(format!("401 after {:.1} of 100 MB", sent as f64 / 1e6)));
                }
            }
            Refusal::Lost(sent) => {
                lost += 1;
                if lost == DECIDES {
                    let detail = format!("the connection broke after {:.1} of 100 MB, and the answer could not be read", sent as f64 / 1e6);
                    return Ok(Verdict::failure(detail, LINGERING));
                }
            }
        }
    }
}

async fn refused(visit: &Visit) -> Result<Refusal, Error> {
    let pace = Pace::default();
    let block = Bytes::from(vec![0; BLOCK]);
    let blocks = (0..LARGE).step_by(BLOCK).map(move |from| {
        let length = BLOCK.min(usize::try_from(LARGE - from).unwrap_or(BLOCK));
        (BLOCK_PAUSE, block.slice(..length))
    });
    let body = PacedBody::new(LARGE, blocks, pace.clone());
    // Well-formed: only its signature is wrong.
    let token = format!("jtu1.{}.{}", BASE64.encode(noise("claims", 86)), BASE64.encode(noise("tag", 32)));
    let request = visit.edge.plain(Method::POST, &visit.at("/api/jetty-speed/chunk")).header("X-Upload-Token", token);
    let request = request.header("X-Part-Number", 1).header("X-Chunk-SHA256", "0".repeat(64)).body(Body::wrap(body));
    let answer = tokio::time::timeout(REFUSAL_LIMIT, visit.send(request)).await;
    let sent = pace.sent().0;
    Ok(match answer {
        Ok(Ok(answer)) if answer.status == 401 && answer.code() == "unauthenticated" => Refusal::Read(sent),
        Ok(Ok(answer)) => Refusal::Other(answer.status),
        // No connection at all.
        Ok(Err(error)) if sent == 0 => return Err(error),
        Ok(Err(_)) => Refusal::Lost(sent),
        Err(_) => Refusal::Late,
    })
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn worker_that_had_the_request_during_the_pause_is_told_from_one_behind_a_buffer_also_at_a_slow_store() {
        let status = |total: Option<f64>, after_ms| seen_early(total, Duration::from_millis(after_ms)).status;
        for (total, after_ms, expected) in [
            (Some(2_080.0), 90, Status::Ok),
            (Some(80.0), 90, Status::Failure),
            (Some(8_000.0), 6_010, Status::Ok),
            (Some(6_000.0), 6_010, Status::Failure),
            (None, 90, Status::Failure),
        ] {
            assert_eq!(status(total, after_ms), expected, "{total:?} {after_ms}");
        }
    }
}
