//! Garbage collection: objects unreferenced for the grace period are deleted, first at the store, then in D1.

use serde::Deserialize;
use worker::Env;

use crate::accounts::provisioning::Record;
use crate::base::id::Id;
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::config::Config;
use crate::files::object_key::file_key;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::worker::platform::{bindings, clock, d1, enqueue, log, origin, shards};
use crate::{accounts, dedup};

/// Objects per run, so that it stays within the subrequest limit of a request; another job continues.
const PAGE: u64 = 200;

/// Deletes some of the objects of each shard that are claimed for deletion, and enqueues the rest.
///
/// # Errors
/// As [`collect`], of one of the shards.
pub async fn collect_all(env: &Env, config: &Config) -> Result<(), Problem> {
    let mut failed = None;
    for shard in shards::all(env) {
        failed = collect(env, config, shard, None).await.err().or(failed);
    }
    failed.map_or(Ok(()), Err)
}

/// Deletes some of the objects of a shard that are claimed for deletion, after `after`, and enqueues the rest. One that can not be deleted keeps no other from it.
///
/// # Errors
/// Errors of the store and D1; the claims persist, and the next run continues.
pub async fn collect(env: &Env, config: &Config, shard: Shard, after: Option<Id>) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        s3_key: String,
    }
    let db = bindings::db(env, shard)?;
    let before = EpochMs(clock::now().0.saturating_sub(config.delete_grace_seconds.saturating_mul(1000)));
    if after.is_none() {
        d1::batch(&db, &[dedup::repository::claim_deletion(before)]).await?;
    }
    let cursor = after.map(|object| object.to_string()).unwrap_or_default();
    let rows: Vec<Row> = d1::all(&db, &dedup::repository::claimed_deletions(&cursor, PAGE)).await?;
    let (mut buried, mut failed) = (false, None);
    for row in &rows {
        match origin::delete(config, &row.s3_key).await {
            Ok(()) => {
                d1::batch(&db, &[dedup::repository::delete_object_row(row.id)]).await?;
                buried = true;
            }
            // An object that can not be deleted does not block the others; the daily run tries again.
            Err(problem) => failed = Some(problem),
        }
    }
    match (rows.last(), failed) {
        // The daily run tries again those of a full page that are left.
        (Some(last), _) if u64::try_from(rows.len()).unwrap_or_default() == PAGE => {
            let next = Job::CollectAfter { object: last.id, shard };
            enqueue::enqueue(env, &next).await.map_err(|error| log::internal("queue", &error.to_string()))
        }
        (_, Some(problem)) if !buried => Err(problem),
        _ => Ok(()),
    }
}

/// Deletes the object of a one-request upload, unless D1 has a row for it.
///
/// # Errors
/// Errors of the store and D1.
pub async fn orphan(env: &Env, config: &Config, account: Id, object: Id) -> Result<(), Problem> {
    let db = shards::of_account(env, account).await?;
    if d1::first::<serde_json::Value>(&db, &dedup::repository::object(object)).await?.is_some() {
        return Ok(());
    }
    let Some(owner) = d1::first::<Record>(&db, &accounts::repository::by_id(account, clock::now())).await? else { return Ok(()) };
    origin::delete(config, &file_key(&owner.agentcache_user_id, object)).await
}
