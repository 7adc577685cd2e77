//! Deletes the bytes of deleted videos, a few files per job (docs/video.md, Deleting).

use serde::Deserialize;
use worker::Env;

use crate::base::id::{Id, Name};
use crate::config::Config;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::video::{owner, repository};
use crate::worker::clients::ledger;
use crate::worker::platform::{clock, d1, enqueue, log, origin, shards};

/// Files per run: each costs one request to the store and three to ledger and D1, all of them within the duration of a claim.
const PAGE: u64 = 25;

#[derive(Deserialize)]
struct Row {
    id: Id,
    account_id: Id,
    s3_key: String,
}

/// Enqueues the deletion of a video's bytes. If that fails, the daily run enqueues it.
pub async fn enqueue(env: &Env, namespace: &Name, video: &Name) {
    if let Err(error) = enqueue::enqueue(env, &Job::RemoveVideo { namespace: namespace.clone(), video: video.clone() }).await {
        let _ = log::internal("queue", &error.to_string());
    }
}

/// Deletes some files of a video that is marked as deleted, and enqueues the rest.
///
/// # Errors
/// Errors of the store and D1; the job is repeated.
pub async fn remove(env: &Env, config: &Config, namespace: &Name, video: &Name) -> Result<(), Problem> {
    let (db, began) = (shards::of_namespace(env, namespace).await?, clock::now());
    let rows: Vec<Row> = d1::all(&db, &repository::claim_deleted(namespace, video, PAGE, began)).await?;
    if rows.is_empty() {
        // Claimed files may be left over from a job that died.
        let left: Option<serde_json::Value> = d1::first(&db, &repository::has_deleted(namespace, video)).await?;
        return left.map_or(Ok(()), |_| Err(Problem::StillRunning));
    }
    let mut more = u64::try_from(rows.len()).unwrap_or_default() == PAGE;
    let mut failed = None;
    for row in rows {
        // Half of the claim's duration is left as a margin: once another job has claimed and deleted the file, new bytes may be at the same key.
        let late = clock::now().since(began) > repository::CLAIM_MS / 2;
        more |= late;
        let done = if late { Ok(false) } else { remove_file(env, config, namespace, video, &row).await.map(|()| true) };
        if !matches!(done, Ok(true)) {
            d1::batch(&db, &[repository::unclaim(row.id, began)]).await?;
        }
        failed = done.err().or(failed);
    }
    match failed {
        // The queue repeats this job, which then continues.
        Some(problem) => Err(problem),
        None => {
            if more {
                enqueue(env, namespace, video).await;
            }
            Ok(())
        }
    }
}

async fn remove_file(env: &Env, config: &Config, namespace: &Name, video: &Name, Row { id, account_id, s3_key }: &Row) -> Result<(), Problem> {
    origin::delete(config, s3_key).await?;
    // The ledger is notified before and after: if this job dies in between, it checks the outcome in D1.
    ledger::schedule_check_by_job(env, *account_id, *id).await?;
    let gone = [vec![repository::delete_row(*id)], owner::repository::release(namespace, video).into()];
    d1::batch(&shards::of_namespace(env, namespace).await?, &gone.concat()).await?;
    let _ = ledger::release(env, *account_id, *id).await;
    Ok(())
}
