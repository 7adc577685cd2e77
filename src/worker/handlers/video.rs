//! `GET /api/video`, `PUT /api/video/{videoId}/{path}`, `DELETE /api/video/{videoId}`, `POST /api/video/{videoId}/playback` and `GET|HEAD /v/{token}/{path}`.

use serde_json::json;

use crate::access::membership;
use crate::auth::playback_token::VideoClaims;
use crate::clients::{database, ledger, shards};
use crate::edges::edge::Work;
use crate::http::json_body::MAX_BODY;
use crate::http::validate::{check_hash, check_namespace};
use crate::io::Io;
use crate::io::database::Database;
use crate::namespaces::role::Role;
use crate::problem::Problem;
use crate::services::namespaces::of_upload;
use crate::services::video::delete;
use crate::services::video::put::{namespace_of, write_file};
use crate::uploads::simple::raw_length;
use crate::video::listing::Listed;
use crate::video::place::Place;
use crate::video::repository::FileRow;
use crate::video::request::{Playback, check_path, check_video};
use crate::video::{listing, repository};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;
use crate::worker::services::edges::registry;

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
    let namespace = namespace_of(&call.service, &account, wanted.as_ref()).await?;
    account.may_upload_simply(size)?;
    let manages = membership::role(&account, &namespace) == Role::Manager;
    let (held, place) = (call.clone(), Place { namespace: namespace.name, video, path });
    // Detached from the client's connection, so that what the request has announced and reserved is settled or released if the client disconnects.
    let stored = call.io.detached(async move { write_file(&held.service, &account, manages, place, held.request.body(), size, hash).await });
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
    let namespace = of_upload::for_upload(&call.service, &account, wanted.as_ref()).await?.name;
    let statement = repository::list(&namespace, after.as_ref(), limit.saturating_add(1));
    let rows: Vec<Listed> = database::all(&shards::of_namespace_to_read(&call.io, &namespace).await?.nearest_if(after.is_some()), &statement).await?;
    Reply::json(200, &listing::view(rows, limit, &namespace))
}

/// Deletes a video: its files are unreadable at once, the bytes are deleted by a job.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    account.must_be_active()?;
    let namespace = of_upload::for_upload(&call.service, &account, wanted.as_ref()).await?;
    delete::delete(&call.service, &account, &namespace, &video).await.map(Reply::from)
}

/// Returns a playback URL; its token covers the whole video.
pub async fn playback(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let (path, ttl_ms) = call.json::<Playback>(MAX_BODY).await?.check()?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    account.must_be_active()?;
    let namespace = namespace_of(&call.service, &account, wanted.as_ref()).await?.name;
    let row: Option<FileRow> =
        database::first(&shards::of_namespace_to_read(&call.io, &namespace).await?, &repository::file(&namespace, &video, path.as_str())).await?;
    row.ok_or(Problem::NotFound)?;
    ledger::charge(&call.io, &account, 0).await?;
    let expires = clock::now().plus(ttl_ms);
    let token = VideoClaims { namespace, video, expires }.seal(&call.config.token_keys)?;
    let encoded: Vec<String> = path.as_str().split('/').map(crate::base::percent::component).collect();
    let url = format!("{}/v/{token}/{}", call.base, encoded.join("/"));
    Reply::json(200, &json!({ "url": url, "expiresAt": expires.rfc3339() }))
}
