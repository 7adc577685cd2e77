//! `GET /api/storage/files`, `GET|DELETE /api/storage/files/{id}`.

use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::clients::{database, shards};
use crate::delivery::content_descriptor::{ContentDescriptor, FileRow};
use crate::files::asset::Asset;
use crate::files::repository;
use crate::http::pagination;
use crate::http::pagination::Page;
use crate::io::Io;
use crate::io::database::Database;
use crate::problem::Problem;
use crate::services::delete_file::delete_file;
use crate::worker::content::kv;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Lists the account's files, newest first.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let Page { cursor, limit } = Page::read(call.query("cursor").as_deref(), call.query("limit").as_deref())?;
    account.must_be_active()?;
    let db = shards::of_account_to_read(&call.io, account.id).await?.nearest_if(cursor.is_some());
    let rows: Vec<Asset> = database::all(&db, &repository::of_account(account.id, cursor, limit.saturating_add(1))).await?;
    let (rows, cursor) = pagination::cut(rows, limit, |asset| (asset.created_at, asset.id));
    let files: Vec<_> = rows.iter().map(|asset| asset.view(&call.base)).collect();
    Reply::json(200, &json!({ "files": files, "cursor": cursor }))
}

/// Reads one file.
pub async fn get_file(call: &Routed) -> Result<Reply, Problem> {
    call.account()?.must_be_active()?;
    let asset: Asset = call.service.find_owned(ResourceKind::Asset, call.params.get("id").unwrap_or_default()).await?;
    Reply::json(200, &json!({ "asset": asset.view(&call.base) }))
}

/// Deletes a file: the asset at once, its object after a grace period if nothing else references it.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    call.account()?.must_be_active()?;
    let (statement, rows) = call.service.find_rows(&call.caller.principal(), ResourceKind::Asset, call.params.get("id").unwrap_or_default()).await?;
    let asset: Asset = database::read(&rows, &statement)?.into_iter().next().ok_or(Problem::NotFound)?;
    let source = database::read::<FileRow>(&rows, &statement)?.into_iter().next().map(ContentDescriptor::from).ok_or(Problem::NotFound)?;
    let held = call.service.clone();
    let removed = call.io.detached(async move {
        let removed = delete_file(&held, &asset).await;
        kv::delete(&held.io.env, &source).await;
        removed
    });
    removed.await.unwrap_or(Err(Problem::Internal)).map(Reply::from)
}
