//! `script/bench api`: requests per second and latency of one JSON call, and provisioning.

use super::load::{Connection, Target, open_loop, requests_per_second};
use super::miniflare::{NO_LIMIT, Plan, Server, migrations};
use super::peers::{BUCKET, WEBHOOK_SECRET};
use super::report::{Figure, median, percentile};
use super::tail;
use bytes::Bytes;
use hyper::Method;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jettyspeed_devstack::Result;
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::files::repository;

const ASSET: &str = "0b0e7c1a-5a4e-4d0e-8f53-000000000001";
const OBJECT: &str = "0b0e7c1a-5a4e-4d0e-8f53-000000000002";
const IN_FLIGHT: u32 = 32;
/// Calls of `optimal-edges` per fresh process.
const WARM_CALLS: u32 = 200;
const RATE: u32 = 100;

/// Extent of the measurements.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Interleaved rounds of load.
    pub rounds: u32,
    /// Seconds of load on each peer per round.
    pub seconds: u32,
    /// Runs at the fixed rate.
    pub runs: u32,
    /// Seconds of each run.
    pub run_seconds: u32,
    /// Fresh starts for provisioning.
    pub starts: u32,
}

impl Effort {
    /// The extent of the published figures.
    pub const FULL: Effort = Effort { rounds: 9, seconds: 5, runs: 3, run_seconds: 20, starts: 7 };
    /// A quick check.
    pub const QUICK: Effort = Effort { rounds: 3, seconds: 2, runs: 1, run_seconds: 5, starts: 2 };
}

/// Results.
pub struct Outcome {
    /// Versions of Miniflare and workerd.
    pub versions: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// Measures everything, or only `throughput`, `latency`, `tail`, `edges`, `provisioning` or `profile`.
pub async fn run(folder: &Path, effort: Effort, only: Option<&str>) -> Result<Outcome> {
    let selected = |part: &str| only.is_none_or(|only| only == part);
    let access = AccountAccess::draw("bench")?;
    // Nothing measured here calls the store.
    let plan = Plan::ours(folder, "http://127.0.0.1:9", database(&access)?).await?;
    let bare = script(folder, "bare", include_str!("workers/constant.js"))?.start().await?;
    let mut figures = Vec::new();
    if selected("throughput") || selected("latency") || selected("tail") || selected("profile") {
        let ours = plan.start().await?;
        let (file, plain) = (get(&ours, &format!("/api/storage/files/{ASSET}"), Some(&access)), get(&bare, "/", None));
        let (status, body) = Connection::open(&ours.address).await?.request(&file, 0, Bytes::new()).await?;
        if status != 200 || !String::from_utf8_lossy(&body).contains(ASSET) {
            return Err(format!("HTTP {status}: {}", String::from_utf8_lossy(&body)).into());
        }
        if selected("throughput") {
            figures.extend(throughput(&file, &plain, effort).await?);
        }
        if selected("latency") {
            figures.extend(latency(&file, &plain, effort).await?);
        }
        if selected("tail") {
            let floor = floor(folder, &access).await?.start().await?;
            let same = get(&floor, "/both", None);
            figures.extend(tail::figures(&file, &same, &plain, RATE, effort.runs, effort.run_seconds).await?);
        }
        if selected("profile") {
            figures.extend(profile(folder, &ours, &access, &plain, effort).await?);
        }
        ours.is_quiet()?;
    }
    if selected("edges") {
        figures.extend(edges(&plan, &access, effort).await?);
    }
    if selected("provisioning") {
        figures.extend(provisioning(&plan, effort).await?);
    }
    Ok(Outcome { versions: bare.versions, figures })
}

fn script(folder: &Path, name: &'static str, source: &str) -> Result<Plan> {
    let path = folder.join(format!("{name}.js"));
    fs::write(&path, source)?;
    Plan::of(name, folder, &path)
}

/// The schema, with an account without effective limits and a file of it.
fn database(access: &AccountAccess) -> Result<String> {
    let (AccountAccess { user_id, namespace, .. }, seed) = (access, Seed::of(access.clone(), "bench").sql(BUCKET));
    Ok(format!(
        "{}INSERT INTO tier_configs (tier, rank, storage_quota_gb, bandwidth_quota_gb, jetty_speed_enabled, requests_per_minute, max_file_mb) \
         VALUES ('bench', 99, 1000, 5000, 1, {NO_LIMIT}, 50000);\n{seed}\
         INSERT INTO objects (id, namespace, s3_key, size, etag, verification, created_at) \
         VALUES ('{OBJECT}', '{namespace}', 'users/{user_id}/o/{OBJECT}', 12345, 'd41d8cd98f00b204e9800998ecf8427e', 'pending', 0);\n\
         INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) \
         SELECT '{ASSET}', id, '{namespace}', '{OBJECT}', 'bench.bin', 'application/octet-stream', 'simple', 0 FROM accounts \
         WHERE agentcache_user_id = '{user_id}';\n",
        migrations()?
    ))
}

/// A JavaScript Worker that queries D1 and a Durable Object like the product's does for a file, and does nothing else.
async fn floor(folder: &Path, access: &AccountAccess) -> Result<Plan> {
    let asset = Id::parse(ASSET).ok_or("id")?;
    let query = repository::reachable(asset, asset).sql;
    script(folder, "floor", include_str!("workers/floor.js"))?
        .vars([("QUERY", query.to_owned()), ("ASSET", ASSET.to_owned())])
        .object("COUNTERS", "Counter")
        .database(database(access)?)
        .await
}

fn get(server: &Server, path: &str, access: Option<&AccountAccess>) -> Target {
    let headers = access
        .map_or(vec![], |access| vec![("x-api-key".to_owned(), access.api_key.clone()), ("x-api-secret".to_owned(), access.api_secret.clone())]);
    Target { address: server.address.clone(), method: Method::GET, path: path.to_owned(), headers, part_header: None }
}

/// Requests per second of each target, one at a time, in rounds. The first round warms up caches and the compiler and is not counted. The order alternates.
async fn interleaved(what: &str, targets: &[&Target], rounds: u32, seconds: u32) -> Result<Vec<Vec<f64>>> {
    let mut samples = vec![Vec::new(); targets.len()];
    for round in 0..=rounds {
        for index in 0..targets.len() {
            let index = (index + round as usize) % targets.len();
            let sample = requests_per_second(targets[index], IN_FLIGHT, Duration::from_secs(seconds.into())).await?;
            if round > 0 {
                samples[index].push(sample);
            }
        }
        eprintln!("  {what}: round {round} of {rounds}");
    }
    Ok(samples)
}

async fn throughput(file: &Target, plain: &Target, effort: Effort) -> Result<Vec<Figure>> {
    let samples = interleaved("throughput", &[file, plain], effort.rounds, effort.seconds).await?;
    let ratio: Vec<f64> = samples[0].iter().zip(&samples[1]).map(|(ours, bare)| ours / bare).collect();
    Ok(vec![
        Figure::without_target(&format!("GET /api/storage/files/{{id}}, {IN_FLIGHT} in flight: ours"), "req/s", &samples[0]),
        Figure::without_target(&format!("a constant, {IN_FLIGHT} in flight: bare JS Worker"), "req/s", &samples[1]),
        Figure::at_least("requests per second, ours / bare JS Worker", "x", &ratio, 0.12),
    ])
}

async fn latency(file: &Target, plain: &Target, effort: Effort) -> Result<Vec<Figure>> {
    let mut runs = [vec![], vec![]];
    for run in 1..=effort.runs {
        for (runs, target) in runs.iter_mut().zip([file, plain]) {
            let answers = open_loop(target, RATE, RATE * effort.run_seconds).await?;
            runs.push(answers.into_iter().map(|(ms, _)| ms).collect::<Vec<_>>());
        }
        eprintln!("  latency: run {run} of {}", effort.runs);
    }
    let [ours, bare] = runs;
    let each = |runs: &[Vec<f64>], percent: u32| runs.iter().map(|run| percentile(run, percent)).collect::<Vec<_>>();
    let name = |what: &str| format!("GET /api/storage/files/{{id}} at {RATE} req/s, {what}");
    Ok(vec![
        Figure::at_most(&name("median: ours"), "ms", &each(&ours, 50), 10.0),
        Figure::without_target(&name("p95: ours"), "ms", &each(&ours, 95)),
        Figure::without_target(&name("p99: ours"), "ms", &each(&ours, 99)),
        Figure::without_target(&format!("a constant at {RATE} req/s, median: bare JS Worker"), "ms", &each(&bare, 50)),
        Figure::without_target(&format!("a constant at {RATE} req/s, p99: bare JS Worker"), "ms", &each(&bare, 99)),
    ])
}

/// `optimal-edges` with a hash to look up: the first call of a fresh process, and the following ones.
async fn edges(plan: &Plan, access: &AccountAccess, effort: Effort) -> Result<Vec<Figure>> {
    const BODY: &str =
        r#"{"fileSize":25000000,"fileHash":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","location":{"lat":50.1,"lon":8.7}}"#;
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..effort.starts {
        let server = plan.start().await?;
        let mut target = get(&server, "/api/jetty/optimal-edges", Some(access));
        target.method = Method::POST;
        target.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let mut connection = Connection::open(&server.address).await?;
        for round in 0..WARM_CALLS {
            let sent_at = Instant::now();
            let (status, answer) = connection.request(&target, 0, BODY.into()).await?;
            if status != 200 {
                return Err(format!("optimal-edges: HTTP {status}: {}", String::from_utf8_lossy(&answer)).into());
            }
            let took = sent_at.elapsed().as_secs_f64() * 1000.0;
            if round == 0 { cold.push(took) } else { warm.push(took) }
        }
    }
    Ok(vec![
        Figure::at_most("optimal-edges with a hash, first call of a fresh process", "ms", &cold, 500.0),
        Figure::at_most("optimal-edges with a hash, the calls that follow", "ms", &warm, 10.0),
        Figure::without_target("the same, p99", "ms", &[percentile(&warm, 99)]),
    ])
}

/// One call, whose status must be `expected`. Returns its duration, ms.
async fn provision(connection: &mut Connection, address: &str, user: &str, expected: u16) -> Result<f64> {
    let headers = [("authorization", format!("Bearer {WEBHOOK_SECRET}")), ("content-type", "application/json".to_owned())];
    let target = Target {
        address: address.to_owned(),
        method: Method::POST,
        path: "/api/agentcache/provision".into(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        part_header: None,
    };
    let body = format!(r#"{{"agentcache_user_id":"{user}","agentcache_email":"{user}@example.com","tier":"pro"}}"#);
    let sent_at = Instant::now();
    let (status, answer) = connection.request(&target, 0, body.into()).await?;
    if status != expected {
        return Err(format!("provisioning {user}: HTTP {status}: {}", String::from_utf8_lossy(&answer)).into());
    }
    Ok(sent_at.elapsed().as_secs_f64() * 1000.0)
}

async fn provisioning(plan: &Plan, effort: Effort) -> Result<Vec<Figure>> {
    let (mut cold, mut from_nothing, mut created, mut repeated) = (vec![], vec![], vec![], vec![]);
    for start in 0..effort.starts {
        let server = plan.start().await?;
        let first = format!("cold-{start}");
        let mut connection = Connection::open(&server.address).await?;
        cold.push(provision(&mut connection, &server.address, &first, 201).await?);
        from_nothing.push(server.started.elapsed().as_secs_f64() * 1000.0);
        for number in 0..50 {
            repeated.push(provision(&mut connection, &server.address, &first, 200).await?);
            created.push(provision(&mut connection, &server.address, &format!("warm-{start}-{number}"), 201).await?);
        }
        server.is_quiet()?;
        eprintln!("  provisioning: start {} of {}", start + 1, effort.starts);
    }
    Ok(vec![
        Figure::at_most("provisioning, first call of a fresh process", "ms", &cold, 3000.0),
        Figure::without_target("provisioning, slowest first call", "ms", &[percentile(&cold, 100)]),
        Figure::without_target("the same with the start of Node, Miniflare and workerd", "ms", &from_nothing),
        Figure::at_most("provisioning, repeated for the same user, median", "ms", &[median(&repeated)], 100.0),
        Figure::without_target("provisioning, repeated for the same user, p99", "ms", &[percentile(&repeated, 99)]),
        Figure::without_target("provisioning, another new user, median", "ms", &[median(&created)]),
        Figure::without_target("provisioning, another new user, p99", "ms", &[percentile(&created, 99)]),
    ])
}

/// Cost breakdown: other routes of the product, and the platform's time for the same calls in JavaScript.
async fn profile(folder: &Path, ours: &Server, access: &AccountAccess, plain: &Target, effort: Effort) -> Result<Vec<Figure>> {
    let floor = floor(folder, access).await?.start().await?;
    let rows = [
        ("ours: GET /api/health (nothing awaited)", get(ours, "/api/health", None)),
        ("ours: GET /problems/not-found (nothing awaited)", get(ours, "/problems/not-found", None)),
        ("ours: GET /api/agentcache/quota (2 object calls)", get(ours, "/api/agentcache/quota", Some(access))),
        ("ours: GET /api/storage/files/{id} (1 object call, 1 query)", get(ours, &format!("/api/storage/files/{ASSET}"), Some(access))),
        ("JS Worker: nothing", plain.clone()),
        ("JS Worker: 1 object call", get(&floor, "/object", None)),
        ("JS Worker: 1 query", get(&floor, "/query", None)),
        ("JS Worker: 1 object call, then 1 query", get(&floor, "/both", None)),
    ];
    let targets: Vec<&Target> = rows.iter().map(|(_, target)| target).collect();
    let samples = interleaved("profile", &targets, effort.rounds.div_ceil(3), effort.seconds).await?;
    floor.is_quiet()?;
    let ratio: Vec<f64> = samples[3].iter().zip(&samples[7]).map(|(ours, script)| ours / script).collect();
    let mut figures: Vec<Figure> = rows.iter().zip(&samples).map(|((name, _), samples)| Figure::without_target(name, "req/s", samples)).collect();
    figures.push(Figure::without_target("GET /api/storage/files/{id}, ours / JS Worker, same calls", "x", &ratio));
    Ok(figures)
}
