//! A file of several gigabytes comes back whole, twice: more slices than a request may ask the cache for. Little of it is sent: the store makes it of copies.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use tokio::time::{Instant, timeout};

use super::content::noise;
use super::report::Verdict;
use super::visit::Visit;
use crate::Error;
use crate::api::{Asset, Start, Started};
use crate::edge::StartFile;
use crate::hash::{self, FileHashes};
use crate::retry::{Retry, retrying};

/// A download without a byte for so long is given up.
const STALL: Duration = Duration::from_secs(60);

/// How long sending one part may take.
const PART_LIMIT: Duration = Duration::from_secs(600);

/// Stores a file of that size, made of one part, and gets all of it twice.
pub async fn whole_twice(visit: &Visit) -> Result<Verdict, Error> {
    let wanted = visit.options.large.unwrap_or_default();
    let chunk = visit.edge.advice(wanted, None).await?.strategy.chunk_size;
    let part = noise(&visit.id, usize::try_from(chunk).map_err(|_| Error::Unexpected("a chunk that does not fit into memory".to_owned()))?);
    let hash = hash::of_bytes(part.clone()).await?;

    let hashes = |size: u64| FileHashes {
        whole: None,
        chunks: vec![hash.clone(); usize::try_from(size.div_ceil(chunk)).unwrap_or_default()],
        chunk_size: chunk,
    };
    let first = open(visit, "-seed.bin", chunk, &hashes(chunk)).await?;
    for number in &first.missing_parts {
        send(visit, &first, *number, &part, &hash).await?;
    }
    visit.edge.complete(&first.session_id, &[], None).await?;

    let size = wanted.div_ceil(chunk) * chunk;
    let opened = open(visit, "-large.bin", size, &hashes(size)).await?;
    if !opened.missing_parts.is_empty() {
        let detail = format!("the store copied all but {} of {} parts", opened.missing_parts.len(), opened.strategy.chunk_count);
        return Ok(Verdict::warning(
            detail,
            "see whether the store has UploadPartCopy, and the line payload-hash; without copies nothing is saved by deduplication",
        ));
    }
    let asset = visit.edge.complete(&opened.session_id, &[], None).await?.asset;
    let sent = chunk as f64 / 1e6;
    let one = whole(visit, &asset, &part).await?;
    let two = whole(visit, &asset, &part).await?;
    Ok(match (one, two) {
        (Ok(first), Ok(second)) => {
            let detail = format!("{:.1} GB (of {sent:.0} MB sent), whole twice; first {first}; second {second}", size as f64 / 1e9);
            if second.contains("hit") {
                Verdict::ok(detail)
            } else {
                Verdict::warning(detail, "the second GET did not begin in the cache: see the line cache-hit, and the plan's limits of the cache")
            }
        }
        (Err(broken), _) => failed("first", size, &broken),
        (_, Err(broken)) => failed("second", size, &broken),
    })
}

fn failed(which: &str, size: u64, broken: &str) -> Verdict {
    let detail = format!("the {which} GET of {:.1} GB {broken}", size as f64 / 1e9);
    Verdict::failure(detail, "look into the log of the deployment for the limits of cache calls, subrequests and CPU time (wrangler.toml, limits)")
}

async fn open(visit: &Visit, rest: &str, size: u64, hashes: &FileHashes) -> Result<Started, Error> {
    let name = format!("{}{rest}", visit.prefix());
    let file = StartFile {
        name: &name,
        size,
        content_type: None,
        namespace: None,
        chunk_size: Some(hashes.chunk_size),
        hashes: Some(hashes),
        place: None,
        modified_at: None,
        proof: None,
    };
    let Start::Open(started) = visit.edge.start(file).await? else { return Err(Error::Unexpected("a new file is there already".to_owned())) };
    visit.note("upload token", &started.upload_token);
    Ok(*started)
}

async fn send(visit: &Visit, started: &Started, number: u32, part: &Bytes, hash: &str) -> Result<(), Error> {
    let request = || {
        let request = visit.edge.part(visit.edge.base(), &started.upload_token).header("X-Part-Number", number);
        request.header("X-Chunk-SHA256", hash).body(part.clone())
    };
    let retry = Retry { attempts: 4, ..Retry::default() };
    let sent = retrying(&retry, || async { timeout(PART_LIMIT, visit.send(request())).await.map_err(|_| Error::Stalled)??.success() }).await;
    sent.map(|_| ())
}

/// Reads the whole file: what it took and where from, or how it broke off.
async fn whole(visit: &Visit, asset: &Asset, part: &Bytes) -> Result<Result<String, String>, Error> {
    let url = visit.content_url(asset).await?;
    let began = Instant::now();
    let mut response = timeout(STALL, visit.edge.plain(Method::GET, &url).send()).await.map_err(|_| Error::Stalled)??;
    if response.status() != 200 {
        return Ok(Err(format!("got HTTP {}", response.status().as_u16())));
    }
    let status = response.headers().get("cache-status").and_then(|value| value.to_str().ok()).unwrap_or("no Cache-Status").to_owned();
    let mut at = 0_u64;
    while at < asset.size {
        match timeout(STALL, response.chunk()).await {
            Ok(Ok(Some(block))) if repeats(part, at, &block) => at += block.len() as u64,
            Ok(Ok(Some(_))) => return Ok(Err(format!("has other bytes after {at}"))),
            Ok(Ok(None)) => return Ok(Err(format!("ended after {at} bytes"))),
            Ok(Err(_)) => return Ok(Err(format!("broke off after {at} bytes"))),
            Err(_) => return Ok(Err(format!("stalled after {at} bytes"))),
        }
    }
    Ok(Ok(format!("{:.1} s ({})", began.elapsed().as_secs_f64(), status.trim_start_matches("JettySpeed; "))))
}

/// Whether `block` is what stands at `at` in a file that is `part` again and again.
fn repeats(part: &[u8], at: u64, block: &[u8]) -> bool {
    let length = part.len() as u64;
    let mut from = usize::try_from(at % length.max(1)).unwrap_or_default();
    let mut rest = block;
    while !rest.is_empty() {
        let Some(expected) = part.get(from..).filter(|expected| !expected.is_empty()) else { return false };
        let count = expected.len().min(rest.len());
        if expected.get(..count) != rest.get(..count) {
            return false;
        }
        rest = rest.get(count..).unwrap_or_default();
        from = 0;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_of_a_repeated_part_is_recognised_anywhere_and_no_other_is() {
        let part = b"abcde";
        for (at, block, expected) in
            [(0, "abcde", true), (3, "deabcdeab", true), (1_000_000_000_004, "ea", true), (5, "", true), (3, "deabXde", false), (0, "bcde", false)]
        {
            assert_eq!(repeats(part, at, block.as_bytes()), expected, "{at} {block}");
        }
        assert!(!repeats(b"", 0, b"a"));
    }
}
