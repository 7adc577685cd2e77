//! `script/bench delivery`: content from the cache, compared with a naive JavaScript Worker and nginx.

pub mod origin;
pub mod stage;
mod zipf;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;

use super::load::{Connection, Target, open_loop, requests_per_second};
use super::miniflare::Plan;
use super::peers;
use super::report::{Figure, percentile};
use jettyspeed_devstack::Result;
use origin::Reads;
use stage::{FIVE_GB, HUNDRED_MB, ONE_MB};

/// Connections of the throughput measurements.
const IN_FLIGHT: u32 = 16;
/// Requests per second of the latency measurement.
const RATE: u32 = 200;
/// Number of segments of the video.
pub const SEGMENTS: u32 = 60;
/// Size of a seek's range, bytes.
const MIB: u64 = 1024 * 1024;

/// Extent of the measurements.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Interleaved rounds.
    pub rounds: u32,
    /// Seconds of load on each peer per round.
    pub seconds: u32,
    /// Number of runs at the fixed rate, and seconds per run.
    pub runs: (u32, u32),
    /// Number of seeks.
    pub seeks: u32,
    /// Hours of the Zipf trace.
    pub hours: u64,
    /// Whether 5 GB are read from start to end.
    pub whole: bool,
}

impl Effort {
    /// The extent of the published figures.
    pub const FULL: Effort = Effort { rounds: 7, seconds: 4, runs: (3, 15), seeks: 40, hours: 24, whole: true };
    /// A quick check.
    pub const QUICK: Effort = Effort { rounds: 2, seconds: 2, runs: (1, 4), seeks: 10, hours: 4, whole: false };
}

/// Results.
pub struct Outcome {
    /// Versions of Miniflare and workerd.
    pub versions: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// Measures everything, or only `small`, `large`, `latency`, `seek`, `play`, `zipf` or `whole`.
pub async fn run(folder: &Path, effort: Effort, only: Option<&str>) -> Result<Outcome> {
    let selected = |part: &str| only.is_none_or(|only| only == part);
    let reads: Arc<Reads> = Arc::default();
    let store = origin::start(Arc::clone(&reads), stage::playlist())?;
    let stage = stage::set(folder, &store).await?;
    let mut figures = Vec::new();
    let naive = folder.join("naive.js");
    std::fs::write(&naive, include_str!("../workers/naive.js"))?;
    let naive = Plan::of("naive", folder, &naive)?.vars([("ORIGIN", format!("http://{store}"))]).start().await?;
    let nginx = peers::nginx_cache(folder, &store).await?;
    if selected("small") {
        figures.extend(small(&stage, &plain(&naive.address, ONE_MB), nginx.as_ref().map(|nginx| plain(&nginx.address, ONE_MB)), effort).await?);
    }
    if selected("large") {
        let joined = folder.join("joined.js");
        std::fs::write(&joined, include_str!("../workers/joined.js"))?;
        let joined = Plan::of("joined", folder, &joined)?.start().await?;
        let nginx = nginx.as_ref().map(|nginx| plain(&nginx.address, HUNDRED_MB));
        figures.extend(large(&stage, &plain(&joined.address, HUNDRED_MB), &plain(&naive.address, HUNDRED_MB), nginx, effort).await?);
    }
    if selected("latency") {
        figures.extend(latency(&stage, effort).await?);
    }
    if selected("seek") {
        figures.push(seek(&stage, &reads, effort).await?);
    }
    if selected("play") {
        figures.push(play(&stage).await?);
    }
    if selected("zipf") {
        figures.extend(zipf::figures(&folder.join("zipf"), effort.hours).await?);
    }
    if selected("whole") && effort.whole {
        figures.extend(whole(&stage).await?);
    }
    stage.server.is_quiet()?;
    Ok(Outcome { versions: naive.versions, figures })
}

fn plain(address: &str, size: u64) -> Target {
    Target {
        address: address.to_owned(),
        method: Method::GET,
        path: format!("/{}/users/bench/o/{size}", peers::BUCKET),
        headers: vec![],
        part_header: None,
    }
}

/// Requests the target until it is served from the cache.
async fn warmed(target: &Target) -> Result<()> {
    let mut connection = Connection::open(&target.address).await?;
    for _ in 0..3 {
        connection.drain(target).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

async fn small(stage: &stage::Stage, naive: &Target, nginx: Option<Target>, effort: Effort) -> Result<Vec<Figure>> {
    let ours = stage.file(ONE_MB)?;
    for target in [&ours, naive].into_iter().chain(&nginx) {
        warmed(target).await?;
    }
    let (mut own, mut theirs, mut peers, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let lasting = Duration::from_secs(effort.seconds.into());
    for _ in 0..effort.rounds {
        let own_rate = requests_per_second(&ours, IN_FLIGHT, lasting).await?;
        let other = requests_per_second(naive, IN_FLIGHT, lasting).await?;
        if let Some(nginx) = &nginx {
            peers.push(requests_per_second(nginx, IN_FLIGHT, lasting).await?);
        }
        own.push(own_rate);
        theirs.push(other);
        ratios.push(own_rate / other);
    }
    Ok(vec![
        Figure::without_target("cached GET of 1 MB, ours", "req/s", &own),
        Figure::without_target("cached GET of 1 MB, naive JavaScript Worker", "req/s", &theirs),
        Figure::without_target("cached GET of 1 MB, nginx proxy_cache", "req/s", &peers),
        Figure::at_least("cached GET of 1 MB, ours to naive", "x", &ratios, 0.85),
    ])
}

async fn large(stage: &stage::Stage, joined: &Target, naive: &Target, nginx: Option<Target>, effort: Effort) -> Result<Vec<Figure>> {
    let ours = stage.file(HUNDRED_MB)?;
    for target in [&ours, joined, naive].into_iter().chain(&nginx) {
        warmed(target).await?;
    }
    let (mut own, mut theirs, mut ratios, mut of_joined, mut of_naive) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let own_rate = megabytes_per_second(&ours).await?;
        own.push(own_rate);
        of_joined.push(own_rate / megabytes_per_second(joined).await?);
        of_naive.push(own_rate / megabytes_per_second(naive).await?);
        if let Some(nginx) = &nginx {
            let other = megabytes_per_second(nginx).await?;
            theirs.push(other);
            ratios.push(own_rate / other);
        }
    }
    let mut figures = vec![
        Figure::without_target("cached GET of 100 MB, ours", "MB/s", &own),
        Figure::at_least("cached GET of 100 MB, ours to a JavaScript Worker that joins slices", "x", &of_joined, 0.9),
        Figure::at_least("cached GET of 100 MB, ours to a JavaScript Worker that returns one entry", "x", &of_naive, 0.9),
    ];
    if !ratios.is_empty() {
        figures.push(Figure::without_target("cached GET of 100 MB, nginx proxy_cache", "MB/s", &theirs));
        figures.push(Figure::at_least("cached GET of 100 MB, ours to nginx", "x", &ratios, 1.0));
    }
    Ok(figures)
}

/// Throughput of three consecutive reads over one connection, MB/s.
async fn megabytes_per_second(target: &Target) -> Result<f64> {
    let mut connection = Connection::open(&target.address).await?;
    let (started, mut bytes) = (Instant::now(), 0);
    for _ in 0..3 {
        bytes += connection.drain(target).await?;
    }
    Ok(bytes as f64 / 1e6 / started.elapsed().as_secs_f64())
}

async fn latency(stage: &stage::Stage, effort: Effort) -> Result<Vec<Figure>> {
    let target = stage.file(ONE_MB)?;
    warmed(&target).await?;
    let mut tails = Vec::new();
    for _ in 0..effort.runs.0 {
        let answers = open_loop(&target, RATE, RATE * effort.runs.1).await?;
        let samples: Vec<f64> = answers.into_iter().map(|(ms, _)| ms).collect();
        tails.push(percentile(&samples, 95));
    }
    Ok(vec![Figure::at_most("cached GET of 1 MB at 200 requests/s: p95", "ms", &tails, 50.0)])
}

/// Store reads per cold seek of 1 MiB.
async fn seek(stage: &stage::Stage, reads: &Reads, effort: Effort) -> Result<Figure> {
    let mut samples = Vec::new();
    for number in 0..u64::from(effort.seeks) {
        // Each seek in separate slices; every third one crosses a slice boundary.
        let first = (number * 17 + 3) * 5 * MIB + if number % 3 == 0 { 5 * MIB - MIB / 2 } else { number * 7919 };
        let mut target = stage.file(FIVE_GB)?;
        target.headers.push(("range".to_owned(), format!("bytes={first}-{}", first + MIB - 1)));
        let before = reads.now();
        let bytes = Connection::open(&target.address).await?.drain(&target).await?;
        if bytes != MIB {
            return Err(format!("{bytes} bytes of a seek").into());
        }
        samples.push((reads.now().0 - before.0) as f64);
    }
    let most = samples.iter().copied().fold(0.0, f64::max);
    Ok(Figure::at_most("cold seek of 1 MiB in 5 GB: most reads of the store (slices of 5 MiB)", "", &[most], 2.0))
}

/// A player that requests segment after segment, slightly ahead of playback.
async fn play(stage: &stage::Stage) -> Result<Figure> {
    let mut connection = Connection::open(&stage.server.address).await?;
    connection.exchange(&stage.video(origin::PLAYLIST)?, 0, Bytes::new()).await?.of_status(200)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut hits = 0;
    for number in 0..SEGMENTS {
        let answer = connection.exchange(&stage.video(&stage::segment(number))?, 0, Bytes::new()).await?.of_status(200)?;
        hits += u32::from(answer.cache_status.starts_with("JettySpeed; hit"));
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    Ok(Figure::at_least("segments that were there when they were first asked for", "%", &[f64::from(hits) * 100.0 / f64::from(SEGMENTS)], 95.0))
}

/// Reads 5 GB from start to end, cold.
async fn whole(stage: &stage::Stage) -> Result<Vec<Figure>> {
    let target = stage.file(FIVE_GB)?;
    let mut connection = Connection::open(&target.address).await?;
    // Buffers that the runtime keeps for any stream are allocated after the first gigabyte.
    let mut first = target.clone();
    first.headers.push(("range".to_owned(), "bytes=0-999999999".to_owned()));
    connection.drain(&first).await?;
    let before = stage.server.peak_memory()?;
    let started = Instant::now();
    let bytes = connection.drain(&target).await?;
    if bytes != FIVE_GB {
        return Err(format!("{bytes} bytes of five gigabytes").into());
    }
    let growth = stage.server.peak_memory()?.saturating_sub(before);
    Ok(vec![
        Figure::without_target("GET of 5 GB, the first of it cached, the rest cold", "MB/s", &[bytes as f64 / 1e6 / started.elapsed().as_secs_f64()]),
        Figure::without_target("peak memory of workerd, the cache's own included", "MB", &[(before + growth) as f64 / 1e6]),
        Figure::at_most("growth of it from 1 GB to 5 GB", "MB", &[growth as f64 / 1e6], 60.0),
    ])
}
