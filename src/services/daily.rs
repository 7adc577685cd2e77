//! The daily run: deletes expired rows and enqueues again jobs that may have been lost (docs/data-model.md, The daily run).

use crate::clients::{database, shards};
use crate::config::Config;
use crate::io::Io;
use crate::jobs::{Job, Lost};
use crate::services::accounts::{moving, tiers};
use crate::services::analytics;
use crate::{accounts, dedup, video};

/// Enqueues garbage collection, the sweep, the probe and the pruning of expired rows, and what sends lost jobs again.
pub async fn daily(io: &impl Io, config: Option<&Config>) {
    delete_expired(io).await;
    if let Some(config) = config {
        publish_prices(io, config).await;
    }
    analytics::sum_days(io).await;
    // The error is logged; the next daily run repeats it.
    let _ = tiers::publish(io).await;
    // So are these.
    let _ = moving::resume_all(io).await;
    let lost = shards::all(io).flat_map(|shard| Lost::all().map(|lost| Job::Repeat { lost, shard }));
    let months = shards::all(io).map(|shard| Job::CloseMonths { shard, after: None });
    for job in lost.chain(months).chain([Job::Probe, Job::Collect, Job::Sweep { marker: None }, Job::Prune { account: None }]) {
        let _ = io.enqueue(&job, 0).await;
    }
}

/// Deletes expired credentials, of which there are few, and owners of videos that have no file.
async fn delete_expired(io: &impl Io) {
    let now = io.now();
    let statements = [
        accounts::repository::cleanup(now),
        vec![accounts::browser_session::repository::forget_expired(now), video::owner::repository::forget_lost(now)],
    ]
    .concat();
    for db in shards::all(io).filter_map(|shard| io.db(shard).ok()) {
        for statement in &statements {
            // The error is logged; the next daily run repeats the statement.
            let _ = database::batch(&db, std::slice::from_ref(statement)).await;
        }
    }
}

/// Writes the prices that views calculate with: vars of the deployment may have changed.
async fn publish_prices(io: &impl Io, config: &Config) {
    for db in shards::all(io).filter_map(|shard| io.db(shard).ok()) {
        // The error is logged; the next daily run repeats it.
        let _ = database::batch(&db, &[dedup::repository::set_price(config.dedup_usd_per_gb, io.now())]).await;
    }
}
