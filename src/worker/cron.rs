//! The daily run: deletes expired rows and enqueues again jobs that may have been lost (docs/data-model.md, The daily run).

use serde::Deserialize;
use worker::Env;

use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::jobs::Job;
use crate::worker::platform::enqueue::enqueue;
use crate::worker::platform::{bindings, clock, d1, log};
use crate::{accounts, dedup, idempotency, uploads, video};

/// Age from which a pending job counts as lost, ms.
const LOST_MS: u64 = 3_600_000;

/// Maximum number of lost jobs of each kind that one run enqueues.
const MAX_LOST: u64 = 500;

/// Enqueues garbage collection, the sweep and the probe; verification of every object that has been pending for an hour; recovery of every upload that has
/// been open for longer than it may be without activity, oldest first.
pub async fn daily(env: &Env) {
    delete_expired(env).await;
    for job in lost_jobs(env).await.into_iter().chain([Job::Probe, Job::Collect, Job::Sweep { marker: None }]) {
        if let Err(error) = enqueue(env, &job).await {
            let _ = log::internal("queue", &error.to_string());
        }
    }
}

/// Deletes expired rows: sealed credentials, idempotency records, challenges, owners of videos that have no file.
async fn delete_expired(env: &Env) {
    let now = clock::now();
    let statements = [
        accounts::repository::cleanup(now),
        idempotency::repository::cleanup(now),
        vec![dedup::possession::repository::cleanup(now), video::owner::repository::forget_lost(now)],
    ]
    .concat();
    let Ok(db) = bindings::db(env) else { return };
    for statement in statements {
        // The error is logged in `d1`; the next daily run repeats the statement.
        let _ = d1::batch(&db, &[statement]).await;
    }
}

async fn lost_jobs(env: &Env) -> Vec<Job> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        #[serde(default)]
        account_id: Option<Id>,
    }
    #[derive(Deserialize)]
    struct DeletedVideo {
        namespace: Name,
        video_id: Name,
    }
    let (Ok(db), Ok(config)) = (bindings::db(env), bindings::config(env)) else { return Vec::new() };
    let since = |ms| EpochMs(clock::now().0.saturating_sub(ms));
    let pending = d1::all::<Row>(&db, &dedup::repository::pending(since(LOST_MS), MAX_LOST)).await.unwrap_or_default();
    let open = uploads::repository::long_open(since(config.session_ttl_seconds.saturating_mul(1000)), MAX_LOST);
    let open = d1::all::<Row>(&db, &open).await.unwrap_or_default();
    let verify = pending.into_iter().map(|row| Job::Verify { object: row.id });
    let wake = open.into_iter().filter_map(|row| Some(Job::Wake { session: row.id, account: row.account_id? }));
    let deleted = d1::all::<DeletedVideo>(&db, &video::repository::overdue_deletions(since(LOST_MS), MAX_LOST)).await.unwrap_or_default();
    // One row per file, one job per video.
    let mut videos: Vec<_> = deleted.into_iter().map(|row| (row.namespace, row.video_id)).collect();
    videos.dedup();
    let remove = videos.into_iter().map(|(namespace, video)| Job::RemoveVideo { namespace, video });
    verify.chain(wake).chain(remove).collect()
}
