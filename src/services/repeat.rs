//! Sends lost jobs again, one page per job (docs/data-model.md, The daily run).

use serde::Deserialize;

use crate::base::id::{Id, Name};
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::clients::database;
use crate::config::Config;
use crate::io::Io;
use crate::jobs::{Job, Lost};
use crate::problem::Problem;
use crate::{accounts, dedup, uploads, video, webhooks};

/// Age from which a pending job counts as lost, ms.
const LOST_MS: u64 = 3_600_000;

/// Jobs sent by one run: each is a subrequest, of which a job has 1,000 (Cloudflare Workers documentation, "Limits").
const PAGE: u64 = 500;

#[derive(Deserialize)]
struct Row {
    id: Id,
    #[serde(default)]
    account_id: Option<Id>,
    created_at: EpochMs,
    place: u64,
}

#[derive(Deserialize)]
struct DeletedVideo {
    doomed_at: EpochMs,
    namespace: Name,
    video_id: Name,
}

#[derive(Deserialize)]
struct Delivery {
    id: Id,
    namespace: Name,
    due_at: EpochMs,
    place: u64,
}

#[derive(Deserialize)]
struct Deletion {
    id: Id,
    agentcache_user_id: Name,
    deleting_at: EpochMs,
    place: u64,
}

/// Sends the jobs of a shard after the last one that was sent: verification of every object that has been pending for an hour, recovery of every upload that has been
/// open for longer than it may be without activity, deletion of every video that was deleted an hour ago, every delivery that was
/// due an hour ago, every account that is being deleted for an hour.
///
/// # Errors
/// Of D1 and the queue; the job is repeated.
pub async fn repeat(io: &impl Io, config: &Config, lost: &Lost, shard: Shard) -> Result<(), Problem> {
    let db = io.db(shard)?;
    let since = |ms| EpochMs(io.now().0.saturating_sub(ms));
    let (jobs, next): (Vec<Job>, Option<Lost>) = match lost {
        Lost::Verify(at, place) => {
            let rows: Vec<Row> = database::all(&db, &dedup::repository::pending(since(LOST_MS), (*at, *place), PAGE)).await?;
            let next = full(&rows).map(|row| Lost::Verify(row.created_at, row.place));
            (rows.into_iter().map(|row| Job::Verify { object: row.id, shard }).collect(), next)
        }
        Lost::Wake(at, place) => {
            let before = since(config.session_ttl_seconds.saturating_mul(1000));
            let rows: Vec<Row> = database::all(&db, &uploads::repository::long_open(before, (*at, *place), PAGE)).await?;
            let next = full(&rows).map(|row| Lost::Wake(row.created_at, row.place));
            (rows.into_iter().filter_map(|row| Some(Job::Wake { session: row.id, account: row.account_id? })).collect(), next)
        }
        Lost::RemoveVideo(at, namespace, video) => {
            let rows: Vec<DeletedVideo> =
                database::all(&db, &video::repository::overdue_deletions(since(LOST_MS), (*at, namespace, video), PAGE)).await?;
            let next = full(&rows).map(|row| Lost::RemoveVideo(row.doomed_at, row.namespace.to_string(), row.video_id.to_string()));
            (rows.into_iter().map(|row| Job::RemoveVideo { namespace: row.namespace, video: row.video_id }).collect(), next)
        }
        Lost::DeliverWebhook(at, place) => {
            let rows: Vec<Delivery> = database::all(&db, &webhooks::repository::overdue(since(LOST_MS), (*at, *place), PAGE)).await?;
            let next = full(&rows).map(|row| Lost::DeliverWebhook(row.due_at, row.place));
            (rows.into_iter().map(|row| Job::DeliverWebhook { namespace: row.namespace, delivery: row.id }).collect(), next)
        }
        Lost::DeleteAccount(at, place) => {
            let rows: Vec<Deletion> = database::all(&db, &accounts::deletion::repository::overdue(since(LOST_MS), (*at, *place), PAGE)).await?;
            let next = full(&rows).map(|row| Lost::DeleteAccount(row.deleting_at, row.place));
            let job = |row: Deletion| Job::DeleteAccount { account: row.id, user: row.agentcache_user_id, shard, after: String::new() };
            (rows.into_iter().map(job).collect(), next)
        }
    };
    for job in jobs.into_iter().chain(next.map(|lost| Job::Repeat { lost, shard })) {
        io.enqueue(&job, 0).await?;
    }
    Ok(())
}

/// The last row of a full page, after which another may follow.
fn full<T>(rows: &[T]) -> Option<&T> {
    rows.last().filter(|_| u64::try_from(rows.len()).unwrap_or_default() == PAGE)
}
