//! The product in the edges' namespace: workerd with the built Worker on all addresses, an account of a tier without limits, and a row for each edge.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::{Dev, OriginAccess, Secrets, write_private};
use jettyspeed_devstack::usage::Usage;
use jettyspeed_devstack::worker::{self, Build, Runner, Setup, Worker};
use jettyspeed_devstack::{Result, net, root};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// How often it tells what workerd takes.
const TELL: Duration = Duration::from_millis(200);

/// What it is started with, as a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Where workerd keeps its state, and this what it tells.
    pub state: PathBuf,
    /// Of every edge.
    pub port: u16,
    /// The store.
    pub origin: OriginAccess,
    /// Addresses of the edges, `http://host:port`.
    pub urls: Vec<String>,
}

/// What it tells while it runs.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Told {
    /// How many times workerd has been started.
    pub starts: u64,
    /// CPU time of this workerd, ms.
    pub cpu_ms: u64,
    /// Its resident memory, bytes.
    pub resident: u64,
}

/// `dev.json`: how to reach it.
pub fn access_path(state: &Path) -> PathBuf {
    state.join("dev.json")
}

/// Where [`Told`] is.
pub fn told_path(state: &Path) -> PathBuf {
    state.join("told.json")
}

/// Runs until SIGTERM; SIGHUP starts workerd anew, with its state.
pub async fn run(plan: &Plan) -> Result<()> {
    let (mut ends, mut renewals) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let stopped = async {
        ends.recv().await;
    };
    let work = async {
        let mut worker = start(plan).await?;
        let mut starts = 1;
        loop {
            let Usage { cpu_ms, resident } = worker.usage();
            write_private(&told_path(&plan.state), &serde_json::to_string(&Told { starts, cpu_ms, resident })?)?;
            tokio::select! {
                () = tokio::time::sleep(TELL) => {}
                _ = renewals.recv() => {
                    worker.stop();
                    worker.restart().await?;
                    starts += 1;
                }
            }
            if !worker.is_alive() {
                return Err(format!("workerd ended: {}", worker.log().display()).into());
            }
        }
    };
    tokio::select! {
        ended = work => ended,
        () = stopped => Ok(()),
    }
}

async fn start(plan: &Plan) -> Result<Worker> {
    let Plan { origin, urls, state, .. } = plan;
    let (setup, secrets) = setup(plan)?;
    let worker = setup.start().await?;
    settle(&worker.url(), &secrets.admin_token, urls).await?;
    let dev = Dev {
        url: urls.first().cloned().ok_or("no edge")?,
        origin: origin.clone(),
        account: secrets.account,
        webhook_secret: secrets.webhook_secret,
        admin_token: secrets.admin_token,
    };
    write_private(&access_path(state), &serde_json::to_string_pretty(&dev)?)?;
    Ok(worker)
}

fn setup(plan: &Plan) -> Result<(Setup, Secrets)> {
    let Plan { state, port, origin, .. } = plan;
    let secrets = Secrets::of(state)?;
    // A line for each request would be part of what is measured.
    let quiet = [("LOG_LEVEL".to_owned(), "warn".to_owned())];
    let env_file = secrets.env_file(origin, &quiet);
    Ok((Setup { state: state.clone(), port: *port, env_file, runner: Runner::Miniflare(options_path(state)) }, secrets))
}

/// What workerd is started with.
pub fn options_path(state: &Path) -> PathBuf {
    state.join("options.json")
}

/// Fills a state folder that no workerd has used yet with database and secrets: a copy of `template`, which takes seconds to make and is kept.
pub async fn prepare(template: &Path, plan: &Plan) -> Result<()> {
    std::fs::create_dir_all(template)?;
    let lock = std::fs::File::create(template.join("lock"))?;
    // Another lab may be making it.
    let _lock = tokio::task::spawn_blocking(move || rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map(|()| lock)).await??;
    let (setup, secrets) = setup(&Plan { state: template.to_owned(), ..plan.clone() })?;
    setup.prepare(&[Seed::of(secrets.account, "enterprise")], &plan.origin.bucket).await?;
    let options = options_path(template);
    if !options.exists() || modified(&root().join("wrangler.toml"))? > modified(&options)? {
        worker::options(&options, Build::Release).await?;
    }
    copy(template, &plan.state)
}

fn modified(path: &Path) -> Result<std::time::SystemTime> {
    Ok(std::fs::metadata(path)?.modified()?)
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Takes the limits off the tier, and puts `urls` in the place of the seeded edges, which all are this Worker's own address.
async fn settle(worker: &str, token: &str, urls: &[String]) -> Result<()> {
    let http = net::http().build()?;
    let limits = json!({ "requests_per_minute": 1_000_000_000, "max_file_mb": 60_000, "storage_quota_gb": 1_000_000 });
    let edges = http.get(format!("{worker}/api/edges")).bearer_auth(token).send().await?.error_for_status()?;
    let edges: serde_json::Value = serde_json::from_slice(&edges.bytes().await?)?;
    let mut calls = vec![http.patch(format!("{worker}/api/portal/tiers/enterprise")).json(&limits)];
    for edge in edges.as_array().into_iter().flatten().filter_map(|edge| edge["id"].as_str()) {
        calls.push(http.delete(format!("{worker}/api/portal/edges/{edge}")));
    }
    // Where Miniflare has every client, so that none is nearer by the map.
    for (index, url) in urls.iter().enumerate() {
        let id = format!("edge{}", index + 1);
        calls.push(http.post(format!("{worker}/api/portal/edges")).json(&json!({
            "id": id, "name": id, "city": "Lab", "country": "US", "continent": "NA", "lat": 30.27, "lon": -97.74, "colo": "XXX", "url": url, "capacityMbps": 10_000,
        })));
    }
    for call in calls {
        let answer = call.bearer_auth(token).send().await?;
        let (status, url) = (answer.status(), answer.url().path().to_owned());
        if !status.is_success() {
            return Err(format!("{url}: {status}: {}", answer.text().await?).into());
        }
    }
    Ok(())
}
