//! `GET /api/video`, `PUT /api/video/{videoId}/{path}`, `DELETE /api/video/{videoId}`, `POST /api/video/{videoId}/playback` and `GET|HEAD /v/{token}/{path}`.

use serde_json::json;

use crate::access::membership;
use crate::auth::playback_token::VideoClaims;
use crate::edges::edge::Work;
use crate::http::json_body::MAX_BODY;
use crate::http::validate::{check_hash, check_namespace};
use crate::namespaces::role::Role;
use crate::problem::Problem;
use crate::uploads::simple::raw_length;
use crate::video::listing::Listed;
use crate::video::owner::repository::Owner;
use crate::video::place::Place;
use crate::video::repository::FileRow;
use crate::video::request::{Playback, check_path, check_video};
use crate::video::{listing, owner, repository};
use crate::worker::clients::ledger;
use crate::worker::content::metadata_cache;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, d1};
use crate::worker::services;
use crate::worker::services::edges::registry;
use crate::worker::services::video::put::{namespace_of, write_file};
use crate::worker::services::video::removal;

/// Stores or replaces a file of a video; later requests get the new version.
pub async fn put(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let size = raw_length(call.content_length().as_deref(), call.config.plan.max_part_bytes)?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let path = check_path(call.params.get("path").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    let hash = check_hash("X-Content-SHA256", call.header("x-content-sha256").as_deref())?;
    account.must_be_active()?;
    registry::must_take(call, Work::New).await?;
    let namespace = namespace_of(call, &account, wanted.as_ref()).await?;
    account.may_upload_simply(size)?;
    let manages = membership::role(&account, &namespace) == Role::Manager;
    let (held, place) = (call.clone(), Place { namespace: namespace.name, video, path });
    // Detached from the client's connection, so that what the request has announced and reserved is settled or released if the client disconnects.
    let stored = call.run_detached(async move { write_file(&held, &account, manages, place, size, hash).await });
    let (file, replaces) = stored.await.unwrap_or(Err(Problem::Internal))?;
    let view = json!({
        "videoId": file.video, "path": file.path.as_str(), "namespace": file.namespace, "size": file.size, "contentType": file.content_type, "s3Key": file.s3_key,
        "etag": file.etag,
    });
    Reply::json(if replaces { 200 } else { 201 }, &view)
}

/// Lists the videos of a namespace, in the order of their ids.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let (after, limit) = listing::page(call.query("cursor").as_deref(), call.query("limit").as_deref())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    account.must_be_active()?;
    let namespace = services::namespaces::for_upload(call, &account, wanted.as_ref()).await?.name;
    let statement = repository::list(&namespace, after.as_ref(), limit.saturating_add(1));
    let rows: Vec<Listed> = d1::all(&bindings::db(&call.env)?, &statement).await?;
    Reply::json(200, &listing::view(rows, limit, &namespace))
}

/// Deletes a video: its files are unreadable at once, the bytes are deleted by a job.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    account.must_be_active()?;
    let namespace = services::namespaces::for_upload(call, &account, wanted.as_ref()).await?;
    let (role, namespace, db) = (membership::role(&account, &namespace), namespace.name, bindings::db(&call.env)?);
    let marking = repository::mark_deleted(&namespace, &video, account.id, role == Role::Manager, clock::now());
    let rows: Vec<serde_json::Value> = d1::all(&db, &marking).await?;
    if rows.is_empty() {
        let owner: Option<Owner> = d1::first(&db, &owner::repository::owner(&namespace, &video)).await?;
        membership::may_change(role, account.id, owner.map(|owner| owner.account_id))?;
        return Err(Problem::NotFound);
    }
    metadata_cache::invalidate_group(&call.cache, &namespace, &repository::group(&namespace, &video)).await;
    removal::enqueue(&call.env, &namespace, &video).await;
    Ok(Reply::empty(204))
}

/// Returns a playback URL; its token covers the whole video.
pub async fn playback(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let (path, ttl_ms) = call.json::<Playback>(MAX_BODY).await?.check()?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    account.must_be_active()?;
    let namespace = namespace_of(call, &account, wanted.as_ref()).await?.name;
    let row: Option<FileRow> = d1::first(&bindings::db(&call.env)?, &repository::file(&namespace, &video, path.as_str())).await?;
    row.ok_or(Problem::NotFound)?;
    ledger::charge(&call.env, &account, 0).await?;
    let expires = clock::now().plus(ttl_ms);
    let token = VideoClaims { namespace, video, expires }.seal(&call.config.token_keys)?;
    let encoded: Vec<String> = path.as_str().split('/').map(crate::base::percent::component).collect();
    let url = format!("{}/v/{token}/{}", call.base, encoded.join("/"));
    Reply::json(200, &json!({ "url": url, "expiresAt": expires.rfc3339() }))
}
