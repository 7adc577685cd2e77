//! `GET /api/storage/files`, `GET|DELETE /api/storage/files/{id}`.

use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::delivery::content_descriptor::{ContentDescriptor, FileRow};
use crate::files::asset::Asset;
use crate::files::repository;
use crate::http::pagination;
use crate::http::pagination::Page;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::worker::clients::ledger;
use crate::worker::content::{kv, metadata_cache};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, d1, enqueue, log};

/// Lists the account's files, newest first.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let Page { cursor, limit } = Page::read(call.query("cursor").as_deref(), call.query("limit").as_deref())?;
    account.must_be_active()?;
    let rows: Vec<Asset> = d1::all(&bindings::db(&call.env)?, &repository::of_account(account.id, cursor, limit.saturating_add(1))).await?;
    let (rows, cursor) = pagination::cut(rows, limit, |asset| (asset.created_at, asset.id));
    let files: Vec<_> = rows.iter().map(|asset| asset.view(&call.base)).collect();
    Reply::json(200, &json!({ "files": files, "cursor": cursor }))
}

/// Reads one file.
pub async fn get_file(call: &Routed) -> Result<Reply, Problem> {
    call.account()?.must_be_active()?;
    let asset: Asset = call.find_owned(ResourceKind::Asset, call.params.get("id").unwrap_or_default()).await?;
    Reply::json(200, &json!({ "asset": asset.view(&call.base) }))
}

/// Deletes a file: the asset at once, its object after a grace period if nothing else references it.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    call.account()?.must_be_active()?;
    let (statement, rows) = call.find_rows(&call.caller.principal(), ResourceKind::Asset, call.params.get("id").unwrap_or_default()).await?;
    let asset: Asset = d1::read(&rows, &statement)?.into_iter().next().ok_or(Problem::NotFound)?;
    let source = d1::read::<FileRow>(&rows, &statement)?.into_iter().next().map(ContentDescriptor::from).ok_or(Problem::NotFound)?;
    let held = call.clone();
    let removed = call.run_detached(async move {
        let removed = remove(&held, &asset).await;
        kv::delete(&held.env, &source).await;
        removed
    });
    removed.await.unwrap_or(Err(Problem::Internal))
}

async fn remove(call: &Routed, asset: &Asset) -> Result<Reply, Problem> {
    // The owner's, also if a manager of the namespace deletes it.
    let account = asset.account_id;
    // The ledger is notified before and after: if this request dies in between, the ledger checks the outcome in D1.
    ledger::schedule_check(&call.env, account, asset.id).await?;
    let rows = repository::delete_asset(asset.id, account, clock::now());
    d1::batch(&bindings::db(&call.env)?, &rows).await?;
    metadata_cache::invalidate(&call.cache, &metadata_cache::file(&asset.namespace, asset.id)).await;
    let _ = ledger::release(&call.env, account, asset.id).await;
    // If the job can not be enqueued, the daily run collects the object.
    if let Err(error) = enqueue::enqueue_later(&call.env, &Job::Collect, call.config.delete_grace_seconds).await {
        let _ = log::internal("queue", &error.to_string());
    }
    Ok(Reply::empty(204))
}
