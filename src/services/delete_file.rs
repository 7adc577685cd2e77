//! Deletes a file: the asset at once, its object after a grace period if nothing else references it.

use crate::accounts::directory::Item;
use crate::base::shard::Access;
use crate::clients::{database, ledger, shards};
use crate::config::Config;
use crate::files::asset::Asset;
use crate::files::repository;
use crate::io::Io;
use crate::io::stale::Stale;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::webhooks;
use crate::webhooks::data;
use crate::webhooks::event::EventKind;
use crate::webhooks::repository::{Only, Written, emit};

/// Deletes the asset; idempotent.
///
/// # Errors
/// Of the ledger and D1.
pub async fn delete_file(call: &Request<impl Io>, asset: &Asset) -> Result<Reply, Problem> {
    delete(&call.io, &call.config, &call.base, asset).await?;
    Ok(Reply::empty(204))
}

/// The same; `base` is `https://host`, for the event.
///
/// # Errors
/// Of the ledger and D1; [`Problem::AccountMoving`].
pub async fn delete(io: &impl Io, config: &Config, base: &str, asset: &Asset) -> Result<(), Problem> {
    // The owner's, also if a manager of the namespace deletes it.
    let account = asset.account_id;
    // The ledger is notified before and after: if this request dies in between, the ledger checks the outcome in D1.
    ledger::schedule_check(io, account, asset.id).await?;
    let event = webhooks::event(io, EventKind::AssetDeleted, &data::asset_deleted(asset, base))?;
    let [unrefer, delete] = repository::delete_asset(asset.id, account, io.now());
    let statements = [unrefer, emit(&asset.namespace, &event, Only::WithAsset(asset.id)), delete];
    let shard = shards::shard_of(io, Item::Account(account), Access::Write).await?;
    let mut rows = database::results(&io.db(shard)?, &statements).await?;
    let notices: Vec<Written> = rows.skip(1).all()?;
    if rows.first::<serde_json::Value>()?.is_none() {
        // Deleted before, or moved to another database before this batch, which was late, came to the one that it has left.
        shards::must_still_have(io, shard, account).await?;
    }
    io.forget(Stale::File(&asset.namespace, asset.id)).await;
    let _ = ledger::release(io, account, asset.id).await;
    webhooks::send(io, &asset.namespace, notices).await;
    // If the job can not be enqueued, the daily run collects the object.
    let _ = io.enqueue(&Job::Collect, config.delete_grace_seconds).await;
    Ok(())
}
