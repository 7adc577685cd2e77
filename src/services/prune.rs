//! Deletes rows that are past their time, some steps per job (docs/data-model.md, What one account can hold): one statement over all of them could take longer
//! than D1 allows.

use crate::base::id::Id;
use crate::base::sql::Statement;
use crate::clients::{database, ledger_records, shards};
use crate::io::Io;
use crate::io::database::Database;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::uploads::history::{ROWS_PER_STEP, STEPS_PER_JOB, most_kept, oldest_kept, starts_trim};
use crate::{alerts, analytics, dedup, idempotency, uploads, webhooks};

/// Deletes what has expired, or of one account's closed uploads all but its newest.
///
/// # Errors
/// Errors of D1; the job is repeated.
pub async fn prune(io: &impl Io, account: Option<Id>) -> Result<(), Problem> {
    let now = io.now();
    let statements = match account {
        None => [
            uploads::repository::prune(oldest_kept(now), ROWS_PER_STEP),
            idempotency::repository::forget_keys(now, ROWS_PER_STEP),
            idempotency::repository::forget_webhooks(now, ROWS_PER_STEP),
            dedup::possession::repository::cleanup(now, ROWS_PER_STEP),
            webhooks::repository::prune(now, ROWS_PER_STEP),
            alerts::repository::prune(now, ROWS_PER_STEP),
        ]
        .into_iter()
        .chain(analytics::repository::forget(now, ROWS_PER_STEP))
        .chain([analytics::provisioning::repository::forget(now, ROWS_PER_STEP)])
        .collect(),
        Some(account) => vec![uploads::repository::trim(account, most_kept(ledger_records::limits(io, account).await?.objects), ROWS_PER_STEP)],
    };
    let databases = match account {
        None => shards::all(io).map(|shard| io.db(shard)).collect::<Result<Vec<_>, _>>()?,
        Some(account) => vec![shards::of_account(io, account).await?],
    };
    let mut left = false;
    for db in &databases {
        for statement in &statements {
            left |= !delete_all(db, statement).await?;
        }
    }
    if !left {
        return Ok(());
    }
    io.enqueue(&Job::Prune { account }, 0).await
}

/// Repeats a statement that deletes some rows until none are left; false if that takes more steps than one job has.
async fn delete_all(db: &impl Database, statement: &Statement) -> Result<bool, Problem> {
    for _ in 0..STEPS_PER_JOB {
        let deleted: Vec<serde_json::Value> = database::all(db, statement).await?;
        if u64::try_from(deleted.len()).unwrap_or_default() < ROWS_PER_STEP {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Enqueues the trimming of an account's history after some of its starts.
pub async fn trim_sometimes(io: &impl Io, account: Id) {
    if io.random().is_ok_and(starts_trim) {
        // Another start does it if this fails.
        let _ = io.enqueue(&Job::Prune { account: Some(account) }, 0).await;
    }
}
