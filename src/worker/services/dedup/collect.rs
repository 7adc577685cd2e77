//! The collector: what nothing has referenced for the grace period goes, first at the store, then here.

use serde::Deserialize;
use worker::Env;

use crate::accounts::provisioning::Record;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::config::Config;
use crate::files::object_key::file_key;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::worker::platform::{bindings, clock, d1, enqueue, log, origin};
use crate::{accounts, dedup};

/// How many objects one run deletes, so that it stays within a request's subrequests; another job goes on.
const PAGE: u64 = 200;

/// Deletes condemned objects.
///
/// # Errors
/// The store's, D1's; what is condemned stays so, and the next run goes on.
pub async fn collect(env: &Env, config: &Config) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        s3_key: String,
    }
    let db = bindings::db(env)?;
    let before = EpochMs(clock::now().0.saturating_sub(config.delete_grace_seconds.saturating_mul(1000)));
    d1::batch(&db, &[dedup::repository::claim_deletion(before)]).await?;
    let rows: Vec<Row> = d1::all(&db, &dedup::repository::claimed_deletions(PAGE)).await?;
    let (mut buried, mut failed) = (false, None);
    for row in &rows {
        match origin::delete(config, &row.s3_key).await {
            Ok(()) => {
                d1::batch(&db, &[dedup::repository::delete_object_row(row.id)]).await?;
                buried = true;
            }
            // One that cannot be deleted must not keep the others; the daily run tries again.
            Err(problem) => failed = Some(problem),
        }
    }
    match failed {
        Some(problem) if !buried => Err(problem),
        _ if u64::try_from(rows.len()).unwrap_or_default() == PAGE => {
            enqueue::enqueue(env, &Job::Collect).await.map_err(|error| log::internal("queue", &error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Deletes the object that a file in one request would have had, unless the database knows it.
///
/// # Errors
/// The store's, D1's.
pub async fn orphan(env: &Env, config: &Config, account: Id, object: Id) -> Result<(), Problem> {
    let db = bindings::db(env)?;
    if d1::first::<serde_json::Value>(&db, &dedup::repository::object(object)).await?.is_some() {
        return Ok(());
    }
    let Some(owner) = d1::first::<Record>(&db, &accounts::repository::by_id(account, clock::now())).await? else { return Ok(()) };
    origin::delete(config, &file_key(&owner.agentcache_user_id, object)).await
}
