//! The bytes of a deleted video go, some files at a time.

use serde::Deserialize;
use worker::Env;

use crate::base::id::{Id, Name};
use crate::config::Config;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::video::repository;
use crate::worker::clients::ledger;
use crate::worker::platform::{bindings, clock, d1, enqueue, log, origin};

/// Files of one run: each costs a request to the store and three to ledger and database, all of it within a claim.
const PAGE: u64 = 25;

#[derive(Deserialize)]
struct Row {
    id: Id,
    account_id: Id,
    s3_key: String,
}

/// Has a video's bytes deleted. Should this not get there, the daily run sees to it.
pub async fn enqueue(env: &Env, namespace: &Name, video: &Name) {
    if let Err(error) = enqueue::enqueue(env, &Job::RemoveVideo { namespace: namespace.clone(), video: video.clone() }).await {
        let _ = log::internal("queue", &error.to_string());
    }
}

/// Deletes some files of a video that is to go, and has the rest follow.
///
/// # Errors
/// Of the store and the database: the job is repeated.
pub async fn remove(env: &Env, config: &Config, namespace: &Name, video: &Name) -> Result<(), Problem> {
    let (db, began) = (bindings::db(env)?, clock::now());
    let rows: Vec<Row> = d1::all(&db, &repository::doomed(namespace, video, PAGE, began)).await?;
    if rows.is_empty() {
        // What another job has claimed may be left over from one that died.
        let left: Option<serde_json::Value> = d1::first(&db, &repository::is_doomed(namespace, video)).await?;
        return left.map_or(Ok(()), |_| Err(Problem::StillRunning));
    }
    let mut more = u64::try_from(rows.len()).unwrap_or_default() == PAGE;
    let mut failed = None;
    for row in rows {
        // Well before another job may claim it: bytes that somebody puts there once that one is done are not this one's to delete.
        let late = clock::now().since(began) > repository::CLAIM_MS / 2;
        more |= late;
        let done = if late { Ok(false) } else { one(env, config, &row).await.map(|()| true) };
        if !matches!(done, Ok(true)) {
            d1::batch(&db, &[repository::unclaim(row.id, began)]).await?;
        }
        failed = done.err().or(failed);
    }
    match failed {
        // This job comes again, and goes on.
        Some(problem) => Err(problem),
        None => {
            if more {
                enqueue(env, namespace, video).await;
            }
            Ok(())
        }
    }
}

async fn one(env: &Env, config: &Config, Row { id, account_id, s3_key }: &Row) -> Result<(), Problem> {
    origin::delete(config, s3_key).await?;
    // The ledger is told twice: should this die in between, it asks how it ended.
    ledger::doubt_by_job(env, *account_id, *id).await?;
    d1::batch(&bindings::db(env)?, &[repository::drop(*id)]).await?;
    let _ = ledger::release(env, *account_id, *id).await;
    Ok(())
}
