//! Bytes by offset (tus), which are cut into parts in the Worker, against the same bytes as parts; eight uploads at once.

use std::time::Instant;

use bytes::Bytes;
use hyper::Method;
use tokio::task::JoinSet;

use super::stage::{Stage, text};
use crate::load::{Connection, Target};
use crate::report::Figure;
use jettyspeed_devstack::Result;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::chunking::APPENDED_CHUNK;

const UPLOADS: usize = 8;
/// Parts that are sent, of one more than these: nothing is completed.
const PARTS: u32 = 7;
/// Of the throughput of parts.
const LEAST: f64 = 0.7;
/// Peak of the process above what it had before, MB: the budget of the isolate's memory.
const MEMORY_MB: f64 = 128.0;

pub async fn figures(stage: &Stage, rounds: u32) -> Result<Vec<Figure>> {
    let part = Bytes::from(vec![7u8; usize::try_from(APPENDED_CHUNK)?]);
    let whole = Bytes::from(part.repeat(PARTS as usize));
    let hash = Sha256Hex::of(&part);
    let (mut parts, mut offsets, mut ratios) = (vec![], vec![], vec![]);
    // The first round warms up the compiler and is not counted.
    for round in 0..=rounds {
        let by_parts = mb_per_s(stage, |token, _| parts_of(stage, token, &hash), &part, PARTS).await?;
        if round == 1 {
            stage.server.forget_peak_memory()?;
        }
        let by_offset = mb_per_s(stage, |_, session| appends(stage, session), &whole, 1).await?;
        if round > 0 {
            parts.push(by_parts);
            offsets.push(by_offset);
            ratios.push(by_offset / by_parts);
        }
        eprintln!("  offset: round {round} of {rounds}");
    }
    let above = |peak: u64, now: u64| peak.saturating_sub(now) as f64 / 1e6;
    let memory = above(stage.server.peak_memory()?, stage.server.resident_memory()?);
    Ok(vec![
        Figure::without_target("8 uploads as parts of 8 MiB", "MB/s", &parts),
        Figure::without_target("8 uploads by tus, one PATCH of 56 MiB each", "MB/s", &offsets),
        Figure::at_least("- of the throughput of parts", "", &ratios, LEAST),
        Figure::at_most("- peak memory above what stays", "MB", &[memory], MEMORY_MB),
    ])
}

fn parts_of(stage: &Stage, token: &str, hash: &Sha256Hex) -> Target {
    let headers = vec![("x-upload-token".to_owned(), token.to_owned()), ("x-chunk-sha256".to_owned(), hash.as_str().to_owned())];
    let call = stage.call(&stage.caller, Method::POST, "/api/jetty-speed/chunk");
    Target { headers, part_header: Some("x-part-number"), ..call }
}

fn appends(stage: &Stage, session: &str) -> Target {
    let mut call = stage.call(&stage.caller, Method::PATCH, &format!("/tus/{session}"));
    call.headers.retain(|(name, _)| name != "content-type");
    let more = [("tus-resumable", "1.0.0"), ("upload-offset", "0"), ("content-type", "application/offset+octet-stream")];
    call.headers.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    call
}

/// Sends `body` `times` on each of eight uploads at once: MB/s.
async fn mb_per_s(stage: &Stage, target: impl Fn(&str, &str) -> Target, body: &Bytes, times: u32) -> Result<f64> {
    let mut customer = stage.customer(&stage.caller).await?;
    let mut lanes = Vec::new();
    for _ in 0..UPLOADS {
        let started = customer.opens(APPENDED_CHUNK * u64::from(PARTS + 1), APPENDED_CHUNK).await?;
        let target = target(text(&started, "uploadToken")?, text(&started, "sessionId")?);
        lanes.push((Connection::open(&target.address).await?, target));
    }
    let began = Instant::now();
    let mut sending: JoinSet<Result<()>> = JoinSet::new();
    for (mut connection, target) in lanes {
        let body = body.clone();
        sending.spawn(async move {
            for part in 1..=times {
                let (status, answer) = connection.request(&target, part, body.clone()).await?;
                if !matches!(status, 200 | 204) {
                    return Err(format!("{}: HTTP {status}: {}", target.path, String::from_utf8_lossy(&answer)).into());
                }
            }
            Ok(())
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }
    let bytes = body.len() as f64 * f64::from(times) * UPLOADS as f64;
    Ok(bytes / 1e6 / began.elapsed().as_secs_f64())
}
