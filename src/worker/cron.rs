//! The daily run: deletes expired rows and enqueues again jobs that may have been lost (docs/data-model.md, The daily run).

use worker::Env;

use crate::jobs::{Job, Lost};
use crate::worker::platform::enqueue::enqueue;
use crate::worker::platform::{bindings, clock, d1, log, shards};
use crate::worker::services::accounts::tiers;
use crate::{accounts, dedup, video};

/// Enqueues garbage collection, the sweep, the probe and the pruning of expired rows, and what sends lost jobs again.
pub async fn daily(env: &Env) {
    log::step("run", "daily");
    delete_expired(env).await;
    publish_prices(env).await;
    // The error is logged in `d1`; the next daily run repeats it.
    let _ = tiers::publish(env).await;
    let lost = shards::all(env).flat_map(|shard| Lost::all().map(|lost| Job::Repeat { lost, shard }));
    for job in lost.chain([Job::Probe, Job::Collect, Job::Sweep { marker: None }, Job::Prune { account: None }]) {
        if let Err(error) = enqueue(env, &job).await {
            let _ = log::internal("queue", &error.to_string());
        }
    }
}

/// Deletes expired credentials, of which there are few, and owners of videos that have no file.
async fn delete_expired(env: &Env) {
    let now = clock::now();
    let statements = [accounts::repository::cleanup(now), vec![video::owner::repository::forget_lost(now)]].concat();
    for db in shards::all(env).filter_map(|shard| bindings::db(env, shard).ok()) {
        for statement in &statements {
            // The error is logged in `d1`; the next daily run repeats the statement.
            let _ = d1::batch(&db, std::slice::from_ref(statement)).await;
        }
    }
}

/// Writes the prices that views calculate with: vars of the deployment may have changed.
async fn publish_prices(env: &Env) {
    let Ok(config) = bindings::config(env) else { return };
    for db in shards::all(env).filter_map(|shard| bindings::db(env, shard).ok()) {
        // The error is logged in `d1`; the next daily run repeats it.
        let _ = d1::batch(&db, &[dedup::repository::set_price(config.dedup_usd_per_gb, clock::now())]).await;
    }
}
