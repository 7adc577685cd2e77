//! Deletes rows that are past their time, some steps per job (docs/data-model.md, What one account can hold): one statement over all of them could take longer
//! than D1 allows.

use worker::Env;

use crate::base::id::Id;
use crate::base::sql::Statement;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::uploads::history::{ROWS_PER_STEP, STEPS_PER_JOB, most_kept, oldest_kept, starts_trim};
use crate::worker::clients::ledger_records;
use crate::worker::platform::d1::Db;
use crate::worker::platform::{bindings, clock, d1, enqueue, log, random, shards};
use crate::{dedup, idempotency, uploads};

/// Deletes what has expired, or of one account's closed uploads all but its newest.
///
/// # Errors
/// Errors of D1; the job is repeated.
pub async fn prune(env: &Env, account: Option<Id>) -> Result<(), Problem> {
    let now = clock::now();
    let statements = match account {
        None => vec![
            uploads::repository::prune(oldest_kept(now), ROWS_PER_STEP),
            idempotency::repository::forget_keys(now, ROWS_PER_STEP),
            idempotency::repository::forget_webhooks(now, ROWS_PER_STEP),
            dedup::possession::repository::cleanup(now, ROWS_PER_STEP),
        ],
        Some(account) => vec![uploads::repository::trim(account, most_kept(ledger_records::limits(env, account).await?.objects), ROWS_PER_STEP)],
    };
    let databases = match account {
        None => shards::all(env).map(|shard| bindings::db(env, shard)).collect::<Result<Vec<_>, _>>()?,
        Some(account) => vec![shards::of_account(env, account).await?],
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
    enqueue::enqueue(env, &Job::Prune { account }).await.map_err(|error| log::internal("queue", &error.to_string()))
}

/// Repeats a statement that deletes some rows until none are left; false if that takes more steps than one job has.
async fn delete_all(db: &Db, statement: &Statement) -> Result<bool, Problem> {
    for _ in 0..STEPS_PER_JOB {
        let deleted: Vec<serde_json::Value> = d1::all(db, statement).await?;
        if u64::try_from(deleted.len()).unwrap_or_default() < ROWS_PER_STEP {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Enqueues the trimming of an account's history after some of its starts.
pub async fn trim_sometimes(env: &Env, account: Id) {
    if random::bytes().is_ok_and(starts_trim)
        && let Err(error) = enqueue::enqueue(env, &Job::Prune { account: Some(account) }).await
    {
        let _ = log::internal("queue", &error.to_string());
    }
}
