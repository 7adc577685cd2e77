//! `script/bench costs`: CPU time of workerd for each action of docs/costs.md that needs no real store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use super::delivery::{origin, stage as content};
use super::load::{Connection, Target};
use super::miniflare::Server;
use super::peers::WEBHOOK_SECRET;
use super::report::Figure;
use super::uploads::stage::{self as uploads, CHUNK, OWN, Stage, text};
use jettyspeed_costs::data::CpuTimes;
use jettyspeed_devstack::Result;

/// Calls before those that are measured: the engine compiles what they use.
const WARM_UP: u32 = 50;

/// A streamed part, bytes: larger than what is held for a repeat.
const STREAMED: usize = 20_000_000;

/// Actions by name: what `docs/costs/counts.json` calls them.
type Times = BTreeMap<String, f64>;

/// CPU times with the versions of Miniflare and workerd.
pub async fn run(folder: &Path, repeats: u32) -> Result<(String, CpuTimes)> {
    let mut ms = Times::new();
    let stage = uploads::set(&folder.join("uploads")).await?;
    of_uploads(&stage, repeats, &mut ms).await?;
    of_content(&folder.join("content"), repeats, &mut ms).await?;
    Ok((stage.server.versions.clone(), CpuTimes { machine: machine(), repeats, ms }))
}

/// The CPU times as figures.
pub fn figures(cpu: &CpuTimes) -> Vec<Figure> {
    cpu.ms.iter().map(|(name, ms)| Figure::without_target(name, "ms CPU", &[*ms])).collect()
}

/// What the CPU is called, and how many of it there are.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut models = text.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.trim().to_owned()));
    let model = models.next().unwrap_or_else(|| "unknown".to_owned());
    format!("{} x {model}", 1 + models.count())
}

/// The mean CPU time of `repeats` calls of `call`, which is told how many there were before, ms to hundredths.
async fn mean(server: &Server, repeats: u32, mut call: impl AsyncFnMut(u32) -> Result<()>) -> Result<f64> {
    for number in 0..WARM_UP {
        call(number).await?;
    }
    let before = server.cpu_ms()?;
    for number in WARM_UP..WARM_UP + repeats {
        call(number).await?;
    }
    Ok(((server.cpu_ms()? - before) / f64::from(repeats) * 100.0).round() / 100.0)
}

async fn of_uploads(stage: &Stage, repeats: u32, ms: &mut Times) -> Result<()> {
    let server = &stage.server;
    let mut customer = stage.customer(&stage.chunked).await?;
    let start = mean(server, repeats, async |_| customer.opens(4 * CHUNK, CHUNK).await.map(|_| ())).await?;
    let parts = WARM_UP + repeats;
    let started = customer.opens(u64::from(parts) * CHUNK, CHUNK).await?;
    let held = parts_of(server, &started, &vec![b'x'; usize::try_from(CHUNK)?].into(), repeats).await?;
    let mut other = stage.customer(&stage.caller).await?;
    let api_call = mean(server, repeats, async |_| other.get(&OWN.record()).await?.of_status(200).map(|_| ())).await?;
    let size = u64::try_from(STREAMED)? * u64::from(parts);
    let started = other.opens(size, u64::try_from(STREAMED)?).await?;
    let streamed = parts_of(server, &started, &vec![b'x'; STREAMED].into(), repeats).await?;
    let provisioned = provision(server, repeats).await?;
    let named = [
        ("start", start),
        ("part_held", held),
        ("part_streamed", streamed),
        ("api_call", api_call),
        ("api_in_a_row", api_call),
        ("provision", provisioned),
    ];
    ms.extend(named.map(|(name, ms)| (name.to_owned(), ms)));
    Ok(())
}

/// Sends parts of a started upload, each `body`.
async fn parts_of(server: &Server, started: &Value, body: &Bytes, repeats: u32) -> Result<f64> {
    let hash = jettyspeed_edge::base::sha256::Sha256Hex::of(body);
    let headers = [("x-upload-token", text(started, "uploadToken")?), ("x-chunk-sha256", hash.as_str())];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let path = "/api/jetty-speed/chunk".to_owned();
    let target = Target { address: server.address.clone(), method: Method::POST, path, headers, part_header: Some("x-part-number") };
    let mut connection = Connection::open(&server.address).await?;
    mean(server, repeats, async |number| connection.send(&target, number + 1, body.clone()).await).await
}

async fn provision(server: &Server, repeats: u32) -> Result<f64> {
    let headers = [("authorization", format!("Bearer {WEBHOOK_SECRET}")), ("content-type", "application/json".to_owned())];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
    let path = "/api/webhooks/jetty/provision".to_owned();
    let target = Target { address: server.address.clone(), method: Method::POST, path, headers, part_header: None };
    let mut connection = Connection::open(&server.address).await?;
    mean(server, repeats, async |number| {
        let body = json!({ "user_id": format!("cost-{number}"), "email": "cost@example.com", "tier": "pro" }).to_string();
        connection.exchange(&target, 0, body.into()).await?.of_status(201).map(|_| ())
    })
    .await
}

async fn of_content(folder: &Path, repeats: u32, ms: &mut Times) -> Result<()> {
    let store = origin::start(Arc::default(), content::playlist())?;
    let segment = |number: u32| format!("1000000-{number:06}.ts");
    let files = (0..WARM_UP + repeats).map(|number| (segment(number), content::ONE_MB));
    let stage = content::set_with(folder, &store, files).await?;
    let mut connection = Connection::open(&stage.server.address).await?;
    let small = stage.file(content::ONE_MB)?;
    let large = stage.file(content::HUNDRED_MB)?;
    let get_small = mean(&stage.server, repeats, async |_| connection.drain(&small).await.map(|_| ())).await?;
    let get_large = mean(&stage.server, repeats / 10, async |_| connection.drain(&large).await.map(|_| ())).await?;
    let video_miss = mean(&stage.server, repeats, async |number| connection.drain(&stage.video(&segment(number))?).await.map(|_| ())).await?;
    let video_hit = mean(&stage.server, repeats, async |number| connection.drain(&stage.video(&segment(number))?).await.map(|_| ())).await?;
    let named = [("get_small", get_small), ("get_large", get_large), ("video_miss", video_miss), ("video_hit", video_hit)];
    ms.extend(named.map(|(name, ms)| (name.to_owned(), ms)));
    Ok(())
}
