//! A Zipf trace whose hours take ten seconds, sent to two Workers at once: one counts popular files, the other does not.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use super::origin;
use super::origin::{ETAG, Reads};
use super::stage::far;
use crate::load::{Connection, Target};
use crate::miniflare::{Plan, Server, migrations};
use crate::peers::{BUCKET, TOKEN_KEY};
use crate::report::Figure;
use jettyspeed_devstack::Result;
use jettyspeed_devstack::seed::Seed;
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::auth::file_token::FileClaims;
use jettyspeed_edge::base::hmac::MacKey;
use jettyspeed_edge::base::id::{Id, Name};

/// The trace's hour, s: the lifetime of an entry, as that of the class large is an hour, and the time in which hits are counted. Not shorter, because a
/// stale entry is looked at every five seconds at the most.
const HOUR: u64 = 10;
/// Number of files, and the size of each, bytes.
const FILES: usize = 300;
const SIZE: u64 = 20_000;
/// Requests per second to each Worker: 1,000 in an hour of the trace.
const RATE: u64 = 100;
/// Connections to each Worker.
const LANES: u64 = 8;

/// A Worker with its files and what its store was asked.
struct Peer {
    server: Server,
    targets: Vec<Target>,
    reads: Arc<Reads>,
}

/// Answers of a Worker.
#[derive(Debug, Default, Clone, Copy)]
struct Outcome {
    fresh: u64,
    stale: u64,
    missed: u64,
}

impl Outcome {
    fn all(self) -> f64 {
        (self.fresh + self.stale + self.missed) as f64
    }
}

fn asset(number: usize) -> Id {
    let bytes = (number as u64 + 1).to_be_bytes();
    Id::from_random(std::array::from_fn(|at| at.checked_sub(8).map_or(0, |at| bytes[at])))
}

impl Peer {
    async fn start(folder: &Path, window: u64) -> Result<Peer> {
        let reads: Arc<Reads> = Arc::default();
        let store = origin::start(Arc::clone(&reads), String::new())?;
        let access = AccountAccess::draw("bench")?;
        let namespace = Name::parse(&access.namespace).ok_or("namespace")?;
        let account = format!("(SELECT id FROM accounts WHERE agentcache_user_id = '{}')", access.user_id);
        let files = Value::from_iter((0..FILES).map(|number| json!([asset(number), format!("users/bench/o/{SIZE}-{number}")])));
        let sql = migrations()?
            + &Seed::of(access, "enterprise").sql(BUCKET)
            + &format!(
                "INSERT INTO objects (id, namespace, s3_key, size, etag, verification, created_at) \
                 SELECT value ->> 0, '{namespace}', value ->> 1, {SIZE}, '{ETAG}', 'none', 0 FROM json_each('{files}');\n\
                 INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) \
                 SELECT value ->> 0, {account}, '{namespace}', value ->> 0, 'bench.bin', 'application/octet-stream', 'session', 0 FROM json_each('{files}');\n\
                 UPDATE namespaces SET ttl_small = {HOUR};\n\
                 UPDATE tier_configs SET bandwidth_quota_gb = 1000000 WHERE tier = 'enterprise';\n"
            );
        std::fs::create_dir_all(folder)?;
        let plan = Plan::ours(folder, &format!("http://{store}"), sql).await?;
        let vars = [("POPULARITY_WINDOW_SECONDS", window.to_string()), ("LOG_LEVEL", "warn".to_owned())];
        let server = plan.vars(vars).start().await?;
        let target = |number| {
            let claims = FileClaims { namespace: namespace.clone(), asset: asset(number), expires: far()? };
            let token = claims.seal(&[MacKey::new(TOKEN_KEY.as_bytes())]).map_err(|problem| problem.to_string())?;
            let path = format!("/files/{token}/bench.bin");
            Ok(Target { address: server.address.clone(), method: Method::GET, path, headers: vec![], part_header: None })
        };
        let targets = (0..FILES).map(target).collect::<Result<Vec<_>>>()?;
        Ok(Peer { server, targets, reads })
    }

    /// Sends those requests of the trace that belong to the lane, each at its time.
    async fn lane(&self, trace: &[usize], lane: u64, began: Instant) -> Result<Outcome> {
        let mut connection = Connection::open(&self.server.address).await?;
        let mut outcome = Outcome::default();
        for (number, file) in (0_u64..).zip(trace).filter(|(number, _)| number % LANES == lane) {
            tokio::time::sleep_until((began + Duration::from_millis(number * 1000 / RATE)).into()).await;
            let target = self.targets.get(*file).ok_or("no such file")?;
            let answer = connection.exchange(target, 0, Bytes::new()).await?.of_status(200)?;
            match answer.cache_status.as_str() {
                status if status.starts_with("JettySpeed; hit") => outcome.fresh += 1,
                status if status.starts_with("JettySpeed; fwd=stale") => outcome.stale += 1,
                _ => outcome.missed += 1,
            }
        }
        Ok(outcome)
    }

    async fn run(&self, trace: &[usize], began: Instant) -> Result<Outcome> {
        let lanes = futures_util::future::try_join_all((0..LANES).map(|lane| self.lane(trace, lane, began))).await?;
        // Refreshes that the last answers began.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(lanes.into_iter().fold(Outcome::default(), |sum, one| Outcome {
            fresh: sum.fresh + one.fresh,
            stale: sum.stale + one.stale,
            missed: sum.missed + one.missed,
        }))
    }

    /// Requests to the store for each 1,000 answers.
    fn asked(&self, outcome: Outcome) -> f64 {
        self.reads.now().0 as f64 * 1000.0 / outcome.all()
    }
}

/// The files of the trace: Zipf with exponent 1, the same in every run.
fn trace(hours: u64) -> Vec<usize> {
    let mut total = 0.0;
    let sums: Vec<f64> = (1..=FILES)
        .map(|rank| {
            total += 1.0 / rank as f64;
            total
        })
        .collect();
    let mut seed = 42_u64;
    let mut draw = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    };
    let pick = |_| {
        let point = draw() * total;
        sums.partition_point(|sum| *sum <= point).min(FILES - 1)
    };
    (0..hours * HOUR * RATE).map(pick).collect()
}

/// Runs the trace of `hours` hours.
pub async fn figures(folder: &Path, hours: u64) -> Result<Vec<Figure>> {
    let with = Peer::start(&folder.join("with"), HOUR).await?;
    let without = Peer::start(&folder.join("without"), 0).await?;
    let trace = trace(hours);
    let began = Instant::now() + Duration::from_secs(1);
    let (one, other) = tokio::try_join!(with.run(&trace, began), without.run(&trace, began))?;
    for peer in [&with, &without] {
        peer.server.is_quiet()?;
    }
    let percent = |part: u64, outcome: Outcome| part as f64 * 100.0 / outcome.all();
    let fresh = [one, other].map(|outcome| percent(outcome.fresh, outcome));
    let hits = [one, other].map(|outcome| percent(outcome.fresh + outcome.stale, outcome));
    let asked = [with.asked(one), without.asked(other)];
    Ok(vec![
        Figure::without_target("Zipf trace: hits from a fresh entry, popular files counted", "%", &fresh[..1]),
        Figure::without_target("the same, not counted", "%", &fresh[1..]),
        Figure::at_least("the same: what counting gains", "points", &[fresh[0] - fresh[1]], 0.0),
        Figure::without_target("Zipf trace: hits, stale ones included, popular files counted", "%", &hits[..1]),
        Figure::without_target("the same, not counted", "%", &hits[1..]),
        Figure::without_target("Zipf trace: requests to the store, popular files counted", "/1000", &asked[..1]),
        Figure::without_target("the same, not counted", "/1000", &asked[1..]),
        Figure::at_most("the same: counted to not counted", "x", &[asked[0] / asked[1].max(f64::MIN_POSITIVE)], 1.0),
    ])
}
