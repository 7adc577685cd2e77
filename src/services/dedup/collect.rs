//! Garbage collection: objects unreferenced for the grace period are deleted, first at the store, then in D1.

use serde::Deserialize;

use crate::accounts::provisioning::Record;
use crate::base::id::Id;
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::clients::{database, shards, store};
use crate::config::Config;
use crate::files::object_key::file_key;
use crate::io::Io;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::{accounts, dedup};

/// Objects per run, so that it stays within the subrequest limit of a request; another job continues.
const PAGE: u64 = 200;

/// Deletes some of the objects of each shard that are claimed for deletion, and enqueues the rest.
///
/// # Errors
/// As [`collect`], of one of the shards.
pub async fn collect_all(io: &impl Io, config: &Config) -> Result<(), Problem> {
    let mut failed = None;
    for shard in shards::all(io) {
        failed = collect(io, config, shard, None).await.err().or(failed);
    }
    failed.map_or(Ok(()), Err)
}

/// Deletes some of the objects of a shard that are claimed for deletion, after `after`, and enqueues the rest. One that can not be deleted keeps no other from it.
///
/// # Errors
/// Errors of the store and D1; the claims persist, and the next run continues.
pub async fn collect(io: &impl Io, config: &Config, shard: Shard, after: Option<Id>) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
        s3_key: String,
    }
    let db = io.db(shard)?;
    let before = EpochMs(io.now().0.saturating_sub(config.delete_grace_seconds.saturating_mul(1000)));
    if after.is_none() {
        database::batch(&db, &[dedup::repository::claim_deletion(before)]).await?;
    }
    let cursor = after.map(|object| object.to_string()).unwrap_or_default();
    let rows: Vec<Row> = database::all(&db, &dedup::repository::claimed_deletions(&cursor, PAGE)).await?;
    let (mut buried, mut failed) = (false, None);
    for row in &rows {
        match store::delete(io, config, &row.s3_key).await {
            Ok(()) => {
                database::batch(&db, &[dedup::repository::delete_object_row(row.id)]).await?;
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
            io.enqueue(&next, 0).await
        }
        (_, Some(problem)) if !buried => Err(problem),
        _ => Ok(()),
    }
}

/// Deletes the object of a one-request upload, unless D1 has a row for it.
///
/// # Errors
/// Errors of the store and D1.
pub async fn orphan(io: &impl Io, config: &Config, account: Id, object: Id) -> Result<(), Problem> {
    if shards::certainly_first::<serde_json::Value>(io, account, &dedup::repository::object(object)).await?.is_some() {
        return Ok(());
    }
    let db = shards::of_account(io, account).await?;
    let Some(owner) = database::first::<Record>(&db, &accounts::repository::by_id(account, io.now())).await? else { return Ok(()) };
    store::delete(io, config, &file_key(&owner.agentcache_user_id, object)).await
}
