//! Deletes the bytes of deleted videos, a few files per job (docs/video.md, Deleting).

use serde::Deserialize;

use crate::base::id::{Id, Name};
use crate::clients::{database, ledger, shards, store};
use crate::config::Config;
use crate::io::Io;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::video::{owner, repository};

/// Files per run: each costs one request to the store and three to ledger and D1, all of them within the duration of a claim.
const PAGE: u64 = 25;

#[derive(Deserialize)]
struct Row {
    id: Id,
    account_id: Id,
    s3_key: String,
}

/// Delay between marking a video as deleted, or inserting another row that blocks writers, and deleting the bytes, s: a writer that read the place before and
/// writes its own row after the deletion takes longer than `LONG_WRITE_MS`, and therefore reads the store again.
pub const SETTLE_SECONDS: u64 = 5;

/// Enqueues the deletion of the bytes of a video that may have been marked just now. If that fails, the daily run enqueues it.
pub async fn enqueue(io: &impl Io, namespace: &Name, video: &Name) {
    let _ = io.enqueue(&Job::RemoveVideo { namespace: namespace.clone(), video: video.clone() }, SETTLE_SECONDS).await;
}

/// Deletes some files of a video that is marked as deleted, and enqueues the rest.
///
/// # Errors
/// Errors of the store and D1; the job is repeated.
pub async fn remove(io: &impl Io, config: &Config, namespace: &Name, video: &Name) -> Result<(), Problem> {
    let (db, began) = (shards::of_namespace(io, namespace).await?, io.now());
    let rows: Vec<Row> = database::all(&db, &repository::claim_deleted(namespace, video, PAGE, began)).await?;
    if rows.is_empty() {
        // Claimed files may be left over from a job that died.
        let left: Option<serde_json::Value> = database::first(&db, &repository::has_deleted(namespace, video)).await?;
        return left.map_or(Ok(()), |_| Err(Problem::StillRunning));
    }
    let mut more = u64::try_from(rows.len()).unwrap_or_default() == PAGE;
    let mut failed = None;
    for row in rows {
        // Half of the claim's duration is left as a margin: once another job has claimed and deleted the file, new bytes may be at the same key.
        let late = io.now().since(began) > repository::CLAIM_MS / 2;
        more |= late;
        let done = if late { Ok(false) } else { remove_file(io, config, namespace, video, &row).await.map(|()| true) };
        if !matches!(done, Ok(true)) {
            database::batch(&db, &[repository::unclaim(row.id, began)]).await?;
        }
        failed = done.err().or(failed);
    }
    match failed {
        // The queue repeats this job, which then continues.
        Some(problem) => Err(problem),
        None => {
            if more {
                enqueue(io, namespace, video).await;
            }
            Ok(())
        }
    }
}

async fn remove_file(io: &impl Io, config: &Config, namespace: &Name, video: &Name, Row { id, account_id, s3_key }: &Row) -> Result<(), Problem> {
    store::delete(io, config, s3_key).await?;
    // The ledger is notified before and after: if this job dies in between, it checks the outcome in D1.
    ledger::schedule_check_by_job(io, *account_id, *id).await?;
    let gone = [vec![repository::delete_row(*id)], owner::repository::release(namespace, video).into()];
    database::batch(&shards::of_namespace(io, namespace).await?, &gone.concat()).await?;
    let _ = ledger::release(io, *account_id, *id).await;
    Ok(())
}
