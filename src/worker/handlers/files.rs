//! `GET /api/storage/files`, `GET|PATCH|DELETE /api/storage/files/{id}`.

use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::clients::database;
use crate::delivery::content_descriptor::{ContentDescriptor, FileRow};
use crate::files::asset::Asset;
use crate::files::listing::Listing;
use crate::files::paths::change::{Change, Changed};
use crate::http::json_body::MAX_BODY;
use crate::http::pagination;
use crate::io::Io;
use crate::problem::Problem;
use crate::services::delete_file::delete_file;
use crate::services::{list_files, paths};
use crate::worker::content::kv;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::unicode::compose;

/// Lists the account's files.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let limit = pagination::limit(call.query("limit").as_deref())?;
    let query = ["sort", "order", "search", "cursor"].map(|name| call.query(name));
    let [sort, order, search, cursor] = query.each_ref().map(Option::as_deref);
    let listing = Listing::read(sort, order, search, cursor)?;
    account.must_be_active()?;
    let (rows, cursor) = list_files::page(&call.io, account.id, &listing, limit).await?;
    let files: Vec<_> = rows.iter().map(|asset| asset.view(&call.base)).collect();
    Reply::json(200, &json!({ "files": files, "cursor": cursor }))
}

/// Gives a file another name or path. The call runs to its end also if the client hangs up.
pub async fn rename(call: &Routed) -> Result<Reply, Problem> {
    let changed = call.json::<Change>(MAX_BODY).await?.check(compose)?;
    call.account()?.must_be_active()?;
    let asset: Asset = call.service.find_owned(ResourceKind::Asset, call.params.get("id").unwrap_or_default()).await?;
    let held = call.service.clone();
    let work = async move {
        match changed {
            Changed::Name(name) => list_files::rename(&held, asset, name).await,
            Changed::Place(placement, name) => paths::rename::move_file(&held, asset, &placement, name).await,
        }
    };
    let renamed = call.io.detached(work).await;
    let asset = renamed.unwrap_or(Err(Problem::Internal))?;
    Reply::json(200, &json!({ "asset": asset.view(&call.base) }))
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
