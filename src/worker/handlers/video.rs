//! `PUT /api/video/{videoId}/{path}`, `DELETE /api/video/{videoId}`, `POST /api/video/{videoId}/playback` and `GET|HEAD /v/{token}/{path}`.

use serde_json::json;

use crate::auth::playback_token::VideoClaims;
use crate::http::json_body::MAX_BODY;
use crate::http::validate::{check_hash, check_namespace};
use crate::problem::Problem;
use crate::uploads::simple::raw_length;
use crate::video::place::{Place, Present};
use crate::video::repository;
use crate::video::repository::FileRow;
use crate::video::request::{Playback, check_path, check_video};
use crate::worker::clients::ledger;
use crate::worker::content::metadata_cache;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, d1};
use crate::worker::services;
use crate::worker::services::video::put::{incoming, namespace_of, store_file};
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
    let namespace = namespace_of(call, &account, wanted.as_ref()).await?;
    account.may_upload_simply(size)?;
    // Before the present version is read: see `LONG_WRITE_MS`.
    let started = clock::now();
    let present: Option<Present> = d1::first(&bindings::db(&call.env)?, &repository::place(&namespace.name, &video, &path)).await?;
    if present.as_ref().is_some_and(|present| present.doomed_at.is_some()) {
        // The bytes at this place are about to be deleted, and a new version's bytes would be too. Enqueue the deletion again, in case its job was lost.
        removal::enqueue(&call.env, &namespace.name, &video).await;
        return Err(Problem::StillRunning);
    }
    let replaces = present.is_some();
    let incoming = incoming(call, &path, size, hash).await?;
    let held = call.clone();
    // Detached from the client's connection, so that the reservation is settled or released if the client disconnects.
    let stored = call
        .run_detached(async move { store_file(&held, &account, Place { namespace: namespace.name, video, path }, present, incoming, started).await });
    let file = stored.await.unwrap_or(Err(Problem::Internal))?;
    let view = json!({
        "videoId": file.video, "path": file.path.as_str(), "namespace": file.namespace, "size": file.size, "contentType": file.content_type, "s3Key": file.s3_key,
        "etag": file.etag,
    });
    Reply::json(if replaces { 200 } else { 201 }, &view)
}

/// Deletes a video: its files are unreadable at once, the bytes are deleted by a job.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    account.must_be_active()?;
    let namespace = services::namespaces::for_upload(call, &account, wanted.as_ref()).await?.name;
    let rows: Vec<serde_json::Value> = d1::all(&bindings::db(&call.env)?, &repository::mark_deleted(&namespace, &video, clock::now())).await?;
    if rows.is_empty() {
        return Err(Problem::NotFound);
    }
    metadata_cache::invalidate_group(&namespace, &repository::group(&namespace, &video)).await;
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
