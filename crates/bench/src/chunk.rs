//! `script/bench chunk`: throughput, memory and latency of the chunk path.

use super::load::{Connection, Target, send_parts};
use super::peers::{self, Server};
use super::report::{Figure, median};
use super::sink;
use bytes::Bytes;
use std::path::Path;
use std::time::Instant;

use jettyspeed_devstack::Result;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::units::MB;

const CHUNK: u64 = 50 * MB;

/// Extent of the measurements.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Interleaved rounds of throughput.
    pub rounds: u32,
    /// Chunks per peer and round.
    pub chunks: u32,
    /// Chunks in each half of the memory run.
    pub memory_chunks: u32,
    /// 1-byte parts per peer.
    pub small: u32,
}

impl Effort {
    /// The extent of the published figures.
    pub const FULL: Effort = Effort { rounds: 15, chunks: 32, memory_chunks: 100, small: 3000 };
    /// A quick check.
    pub const QUICK: Effort = Effort { rounds: 3, chunks: 16, memory_chunks: 20, small: 500 };
}

/// Measures everything, or only `throughput`, `latency` or `memory`.
pub async fn run(folder: &Path, effort: Effort, only: Option<&str>) -> Result<Vec<Figure>> {
    let selected = |part: &str| only.is_none_or(|only| only == part);
    let body = Bytes::from(vec![0u8; usize::try_from(CHUNK)?]);
    let hash = Sha256Hex::of(&body);
    let sink = sink::start()?;
    let mut figures = Vec::new();
    if selected("throughput") {
        figures.extend(throughput(folder, &sink, &body, &hash, effort).await?);
    }
    if selected("latency") {
        figures.extend(latency(folder, &sink, effort).await?);
    }
    if selected("memory") {
        figures.extend(memory(folder, &sink, &body, &hash, effort).await?);
    }
    Ok(figures)
}

async fn throughput(folder: &Path, sink: &str, body: &Bytes, hash: &Sha256Hex, effort: Effort) -> Result<Vec<Figure>> {
    let (ours, bare, nginx) = (peers::ours(folder, sink).await?, peers::bare(folder, sink).await?, peers::nginx(folder, sink).await?);
    let parts = u64::from(effort.chunks);
    let mut targets: Vec<(&str, Option<Target>, Vec<f64>)> = vec![("ours", None, vec![]), ("bare", Some(peers::plain(&bare)), vec![])];
    if let Some(nginx) = &nginx {
        targets.push(("nginx", Some(peers::plain(nginx)), vec![]));
    }
    // The first round warms up connections, caches and the compiler and is not counted. The order of the peers changes from round to round.
    for round in 0..=effort.rounds {
        for index in 0..targets.len() {
            let index = (index + round as usize) % targets.len();
            let (name, target, samples) = &mut targets[index];
            let target = match target {
                Some(target) => target.clone(),
                None => ours.open_session(CHUNK * parts, CHUNK, hash).await?,
            };
            let took = send_parts(&target, body, 1, effort.chunks, 8).await.map_err(|error| format!("{name}: {error}"))?;
            if round > 0 {
                samples.push((CHUNK * parts) as f64 / 1e6 / took.as_secs_f64());
            }
        }
        eprintln!("  throughput: round {round} of {}", effort.rounds);
    }
    let samples_of =
        |selected: &str| targets.iter().find(|(name, _, _)| *name == selected).map(|(_, _, samples)| samples.clone()).unwrap_or_default();
    let (ours, bare, nginx) = (samples_of("ours"), samples_of("bare"), samples_of("nginx"));
    // Ratios within a round cancel out other load of the machine.
    let ratio = |peer: &[f64]| ours.iter().zip(peer).map(|(ours, peer)| ours / peer).collect::<Vec<_>>();
    let mut figures = vec![
        Figure::without_target("50 MB chunks, 8 in flight: ours", "MB/s", &ours),
        Figure::without_target("50 MB chunks, 8 in flight: bare JS Worker", "MB/s", &bare),
        Figure::at_least("throughput, ours / bare JS Worker", "x", &ratio(&bare), 0.95),
    ];
    if nginx.is_empty() {
        eprintln!("  nginx is not installed: its rows are left out (Debian: apt-get install nginx-light)");
    } else {
        figures.push(Figure::without_target("50 MB chunks, 8 in flight: nginx, proxy_request_buffering off", "MB/s", &nginx));
        figures.push(Figure::at_least("throughput, ours / nginx", "x", &ratio(&nginx), 0.8));
    }
    Ok(figures)
}

async fn latency(folder: &Path, sink: &str, effort: Effort) -> Result<Vec<Figure>> {
    let (ours, bare) = (peers::ours(folder, sink).await?, peers::bare(folder, sink).await?);
    let body = Bytes::from_static(b"0");
    let last = ours.open_session(10 * MB + 1, 10 * MB, &Sha256Hex::of(&body)).await?;
    let plain = peers::plain(&bare);
    let mut lanes = [(Connection::open(&last.address).await?, last, vec![]), (Connection::open(&plain.address).await?, plain, vec![])];
    for round in 0..effort.small + 200 {
        for (connection, target, samples) in &mut lanes {
            let started = Instant::now();
            connection.send(target, 2, body.clone()).await?;
            if round >= 200 {
                samples.push(started.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    let [(_, _, ours), (_, _, bare)] = lanes;
    eprintln!("  latency: done");
    Ok(vec![
        Figure::without_target("1-byte last part: ours", "ms", &[median(&ours)]),
        Figure::without_target("1-byte last part: bare JS Worker", "ms", &[median(&bare)]),
        Figure::at_most("1-byte last part, added over bare JS Worker", "ms", &[median(&ours) - median(&bare)], 1.5),
    ])
}

/// Peak memory after the 1st, the 100th and the 200th chunk of one fresh process.
async fn peaks(server: &Server, target: &Target, body: &Bytes, chunks: u32) -> Result<[f64; 3]> {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    send_parts(target, body, 1, 1, 1).await?;
    let first = megabytes(server.peak_memory()?);
    send_parts(target, body, 2, chunks - 1, 16).await?;
    let half = megabytes(server.peak_memory()?);
    send_parts(target, body, chunks + 1, chunks, 16).await?;
    Ok([first, half, megabytes(server.peak_memory()?)])
}

async fn memory(folder: &Path, sink: &str, body: &Bytes, hash: &Sha256Hex, effort: Effort) -> Result<Vec<Figure>> {
    let chunks = effort.memory_chunks;
    let (mut ours, mut bare) = (vec![], vec![]);
    for _ in 0..3 {
        let server = peers::bare(folder, sink).await?;
        bare.push(peaks(&server, &peers::plain(&server), body, chunks).await?);
        drop(server);
        let worker = peers::ours(folder, sink).await?;
        let target = worker.open_session(CHUNK * 2 * u64::from(chunks), CHUNK, hash).await?;
        ours.push(peaks(&worker.server, &target, body, chunks).await?);
        eprintln!("  memory: run {} of 3", ours.len());
    }
    let column = |runs: &[[f64; 3]], at: usize| runs.iter().map(|run| run[at]).collect::<Vec<_>>();
    let growth = |runs: &[[f64; 3]], from: usize, to: usize| runs.iter().map(|run| run[to] - run[from]).collect::<Vec<_>>();
    let more = |from: usize, to: usize| -> Vec<f64> {
        growth(&ours, from, to).iter().zip(growth(&bare, from, to)).map(|(ours, bare)| ours - bare).collect()
    };
    Ok(vec![
        Figure::without_target("peak memory after 1 chunk: ours", "MB", &column(&ours, 0)),
        Figure::without_target("peak memory after 1 chunk: bare JS Worker", "MB", &column(&bare, 0)),
        Figure::without_target(&format!("peak memory after {chunks} chunks, 16 in flight: ours"), "MB", &column(&ours, 1)),
        Figure::without_target(&format!("peak memory after {chunks} chunks, 16 in flight: bare JS Worker"), "MB", &column(&bare, 1)),
        Figure::at_most(&format!("growth from 1 to {chunks} chunks, ours - bare JS Worker"), "MB", &more(0, 1), 30.0),
        // The bare Worker's memory grows throughout (150 MB over 30,000 requests), so "flat" means no steeper than that.
        Figure::without_target(&format!("growth from {chunks} to {} chunks: ours", 2 * chunks), "MB", &growth(&ours, 1, 2)),
        Figure::without_target(&format!("growth from {chunks} to {} chunks: bare JS Worker", 2 * chunks), "MB", &growth(&bare, 1, 2)),
        Figure::at_most(&format!("growth from {chunks} to {} chunks, ours - bare JS Worker", 2 * chunks), "MB", &more(1, 2), 5.0),
    ])
}
