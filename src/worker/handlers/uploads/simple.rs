//! `POST /api/storage/upload`, `PUT /api/storage/upload/{path}`: a file in one request, as a raw body or as `multipart/form-data`.

use std::rc::Rc;

use serde_json::json;

use crate::base::memory_budget::{MemoryPermit, Pool};
use crate::base::sha256::Sha256Hex;
use crate::edges::edge::Work;
use crate::files::paths::placement::Placement;
use crate::http::validate::{check_content_type, check_file_name, check_hash, check_namespace};
use crate::io::Io;
use crate::problem::Problem;
use crate::services;
use crate::services::idempotency;
use crate::services::namespaces::of_upload;
use crate::services::send_body::Outgoing;
use crate::services::uploads::simple::{Incoming, STORING_MS, must_fit, store_file};
use crate::uploads::form;
use crate::uploads::simple::{MAX_FORM_FILE, SESSIONS_HINT, form_length, is_form, least_file, meant_type, raw_length};
use crate::worker::content::came_from;
use crate::worker::http::call::Routed;
use crate::worker::http::placed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::searched_buffer::SearchedBuffer;
use crate::worker::services::edges::registry;

/// Stores the file and returns its asset.
pub async fn upload(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let content_type = call.header("content-type");
    let wanted_namespace = check_namespace("X-Namespace", call.header("x-namespace").as_deref());
    let placement = placed::placement(call)?;
    let (incoming, permit) = if is_form(content_type.as_deref()) {
        let length = form_length(call.content_length().as_deref())?;
        let boundary = form::boundary(content_type.as_deref())?;
        let hash = check_hash("X-Content-SHA256", call.header("x-content-sha256").as_deref())?;
        wanted_namespace.as_ref().map_err(Clone::clone)?;
        // What can be refused is refused before a byte is read.
        registry::must_take(call, Work::New).await?;
        must_fit(&call.service, &account, least_file(length)).await?;
        read_form(call, length, &boundary, hash, placement).await?
    } else {
        let size = raw_length(call.content_length().as_deref(), call.config.plan.max_part_bytes)?;
        let incoming = read_raw(call, content_type.as_deref(), size, placement)?;
        registry::must_take(call, Work::New).await?;
        (incoming, None)
    };
    let wanted_namespace = wanted_namespace?;
    // The idempotency fingerprint of a streamed body is its length, name and declared hash; the body itself is not read (docs/api.md, Idempotency).
    let hash = incoming.sha256.as_ref().map_or("-", Sha256Hex::as_str);
    let namespace_name = wanted_namespace.as_ref().map_or("-", |name| name.as_str());
    let mut body = format!("{}\n{hash}\n{namespace_name}\n{}", incoming.size, incoming.name);
    if let Some(placement) = &incoming.placement {
        body.push_str(&format!("\n{placement:?}"));
    }
    let slot = call.slot(&account.id.to_string(), body.as_bytes())?;
    account.must_be_active()?;
    let (held, calling) = (call.service.clone(), call.clone());
    let work = async move {
        let namespace = of_upload::for_upload(&held, &account, wanted_namespace.as_ref()).await?;
        account.may_upload_simply(incoming.size)?;
        let (storing, owner) = (held.clone(), Rc::clone(&account));
        // Detached from the client's connection, so that the reservation is settled or released if the client disconnects.
        let stored = held.detached(async move {
            let _permit = permit;
            store_file(&storing, &owner, &namespace, incoming).await
        });
        let asset = stored.await.unwrap_or(Err(Problem::Internal))?;
        came_from::note(&calling, asset.object_id);
        services::reply::Reply::json(201, &json!({ "asset": asset.view(&held.base) }))
    };
    idempotency::once(&call.service, slot, work).await.map(Reply::from)
}

fn read_raw(call: &Routed, content_type: Option<&str>, size: u64, placement: Option<Placement>) -> Result<Incoming<WorkerIo>, Problem> {
    let given = placed::decoded(call, "X-File-Name")?;
    let name = given.as_deref().or(placement.as_ref().map(|placement| placement.path.name()));
    let name = check_file_name("X-File-Name", name.ok_or_else(|| Problem::invalid("X-File-Name", "is required, or a path"))?)?;
    let sha256 = check_hash("X-Content-SHA256", call.header("x-content-sha256").as_deref())?;
    let content_type = check_content_type(meant_type(content_type), &name)?;
    let body = match call.request.body() {
        Some(stream) if size > 0 => Outgoing::Stream(stream),
        None if size > 0 => return Err(Problem::Malformed { detail: "The body did not arrive.".to_owned() }),
        _ => Outgoing::Empty,
    };
    Ok(Incoming { name, content_type, size, placement, sha256, body })
}

async fn read_form(
    call: &Routed,
    length: u64,
    boundary: &str,
    sha256: Option<Sha256Hex>,
    placement: Option<Placement>,
) -> Result<(Incoming<WorkerIo>, Option<MemoryPermit>), Problem> {
    let permit = call.reserve(Pool::Bodies, length, length, STORING_MS).await?;
    let body = SearchedBuffer::new(&call.buffer(length).await?);
    let file = form::file_of(&body, boundary)?;
    let name = check_file_name("file", &file.name)?;
    let content_type = check_content_type(meant_type(file.content_type.as_deref()), &name)?;
    let bytes = body.slice(file.from, file.to);
    let size = u64::from(bytes.length());
    if size > MAX_FORM_FILE {
        return Err(Problem::BodyTooLarge { limit: MAX_FORM_FILE, hint: SESSIONS_HINT });
    }
    let body = if size == 0 { Outgoing::Empty } else { Outgoing::Buffer(bytes.into()) };
    Ok((Incoming { name, content_type, size, placement, sha256, body }, Some(permit)))
}
