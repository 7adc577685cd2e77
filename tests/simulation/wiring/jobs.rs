//! `src/worker/{queue,cron}.rs` and `src/worker/services/uploads/sweep.rs`.

use super::ending::end;
use super::verify::{collect, orphan, verify};
use serde::Deserialize;

use crate::simulation::world::World;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::dedup::repository::pending;
use jettyspeed_edge::jobs::{Job, Lost};
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::uploads::repository::owned_uploads;
use jettyspeed_edge::uploads::sweep::orphans;

/// `DELETE_GRACE_SECONDS`, ms.
pub const GRACE_MS: u64 = 86_400_000;
/// `SWEEP_AGE_SECONDS`, ms.
const SWEEP_AGE_MS: u64 = 86_400_000;
/// Age at which an unverified object counts as missed and is verified by the daily run, ms.
const LOST_MS: u64 = 3_600_000;
/// Jobs sent again by one run.
const PAGE: u64 = 500;
/// Wall-time limit of the queue consumer, ms (Cloudflare Queues, "Limits": 15 minutes).
const TIME_LIMIT_MS: u64 = 900_000;

pub async fn run(io: &World, job: &Job) -> Result<(), Problem> {
    io.set_time_limit(TIME_LIMIT_MS);
    match job {
        Job::Verify { object, .. } => verify(io, *object).await,
        Job::Collect | Job::CollectAfter { .. } => collect(io).await,
        Job::Repeat { lost, .. } => repeat(io, lost).await,
        Job::EndUpload { session } => end(io, *session).await,
        Job::Sweep { .. } => sweep(io).await,
        Job::Orphan { account, object } => orphan(io, *account, *object).await,
        Job::PropagateSuspension { .. }
        | Job::EndMembership { .. }
        | Job::Prune { .. }
        | Job::Probe
        | Job::Wake { .. }
        | Job::ReconcileVideo { .. }
        | Job::RemoveVideo { .. }
        | Job::Nothing
        | Job::Move { .. } => Ok(()),
    }
}

async fn sweep(io: &World) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        upload_id: String,
    }
    let listed = io.send("list uploads", |store| Ok(store.list_uploads())).await.map_err(|_| Problem::Internal)?;
    let ids: Vec<&str> = listed.iter().map(|upload| upload.upload_id.as_str()).collect();
    let owned: Vec<Row> = io.all("find owned uploads", &owned_uploads(&ids)).await?;
    let owned: Vec<String> = owned.into_iter().map(|row| row.upload_id).collect();
    for upload in orphans(listed, &owned, SWEEP_AGE_MS, io.now()) {
        let _ = io.send("abort orphan", |store| store.abort(&upload.upload_id)).await;
    }
    Ok(())
}

/// The jobs of the daily run.
pub async fn daily(io: &World) -> Result<(), Problem> {
    io.set_time_limit(TIME_LIMIT_MS);
    for job in [Job::Repeat { lost: Lost::Verify(EpochMs(0), 0), shard: Shard::MAIN }, Job::Collect, Job::Sweep { marker: None }] {
        let _ = io.enqueue(job, 0).await;
    }
    Ok(())
}

async fn repeat(io: &World, lost: &Lost) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        created_at: EpochMs,
        place: u64,
    }
    let Lost::Verify(at, place) = lost else { return Ok(()) };
    let before = EpochMs(io.now().0.saturating_sub(LOST_MS));
    let waiting: Vec<Row> = io.all("find unverified objects", &pending(before, (*at, *place), PAGE)).await?;
    let full = waiting.last().filter(|_| waiting.len() as u64 == PAGE);
    let next = full.map(|row| Job::Repeat { lost: Lost::Verify(row.created_at, row.place), shard: Shard::MAIN });
    for job in waiting.iter().map(|row| Job::Verify { object: row.id, shard: Shard::MAIN }).chain(next) {
        io.enqueue(job, 0).await.map_err(|_| Problem::Internal)?;
    }
    Ok(())
}
