//! `POST /api/storage/upload`: a file in one request, as a raw body or as `multipart/form-data`.

use std::rc::Rc;

use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::base::sha256::Sha256Hex;
use crate::http::validate::{check_content_type, check_file_name, check_hash, check_namespace};
use crate::problem::Problem;
use crate::uploads::simple::{MAX_FORM_BYTES, MAX_FORM_FILE, SESSIONS_HINT, is_form, meant_type, raw_length};
use crate::worker::http::call::Routed;
use crate::worker::http::idempotency;
use crate::worker::http::reply::Reply;
use crate::worker::platform::origin::Body;
use crate::worker::services;
use crate::worker::services::uploads::simple::{Incoming, store_file};

/// Stores the file and returns its asset.
pub async fn upload(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let content_type = call.header("content-type");
    let wanted_namespace = check_namespace("X-Namespace", call.header("x-namespace").as_deref());
    let incoming = if is_form(content_type.as_deref()) {
        read_form(call).await?
    } else {
        let size = raw_length(call.content_length().as_deref(), call.config.plan.max_part_bytes)?;
        read_raw(call, content_type.as_deref(), size)?
    };
    let wanted_namespace = wanted_namespace?;
    // The idempotency fingerprint of a streamed body is its length, name and declared hash; the body itself is not read (docs/api.md, Idempotency).
    let hash = incoming.sha256.as_ref().map_or("-", Sha256Hex::as_str);
    let namespace_name = wanted_namespace.as_ref().map_or("-", |name| name.as_str());
    let body = format!("{}\n{hash}\n{namespace_name}\n{}", incoming.size, incoming.name);
    let slot = idempotency::slot(call, &account.id.to_string(), body.as_bytes())?;
    account.must_be_active()?;
    let held = call.clone();
    let work = async move {
        let namespace = services::namespaces::for_upload(&held, &account, wanted_namespace.as_ref()).await?;
        account.may_upload_simply(incoming.size)?;
        let (storing, owner) = (held.clone(), Rc::clone(&account));
        // Detached from the client's connection, so that the reservation is settled or released if the client disconnects.
        let stored = held.run_detached(async move { store_file(&storing, &owner, &namespace, incoming).await });
        let asset = stored.await.unwrap_or(Err(Problem::Internal))?;
        Reply::json(201, &json!({ "asset": asset.view(&held.base) }))
    };
    idempotency::once(call, slot, work).await
}

fn read_raw(call: &Routed, content_type: Option<&str>, size: u64) -> Result<Incoming, Problem> {
    let encoded = call.header("x-file-name").ok_or_else(|| Problem::invalid("X-File-Name", "is required"))?;
    // Header field values are ASCII (RFC 9110 section 5.5), so other characters in names are percent-encoded.
    let name =
        percent_encoding::percent_decode_str(&encoded).decode_utf8().map_err(|_| Problem::invalid("X-File-Name", "must be percent-encoded UTF-8"))?;
    let name = check_file_name("X-File-Name", &name)?;
    let sha256 = check_hash("X-Content-SHA256", call.header("x-content-sha256").as_deref())?;
    let content_type = check_content_type(meant_type(content_type), &name)?;
    let body = match call.request.body() {
        Some(stream) if size > 0 => Body::Raw(stream.into()),
        None if size > 0 => return Err(Problem::Malformed { detail: "The body did not arrive.".to_owned() }),
        _ => Body::Text(String::new()),
    };
    Ok(Incoming { name, content_type, size, sha256, body })
}

async fn read_form(call: &Routed) -> Result<Incoming, Problem> {
    raw_length(call.content_length().as_deref(), MAX_FORM_BYTES)?;
    let unreadable = |_: JsValue| Problem::Malformed { detail: "The body is not multipart/form-data.".to_owned() };
    let form = JsFuture::from(call.request.form_data().map_err(unreadable)?).await.map_err(unreadable)?;
    let form: web_sys::FormData = form.unchecked_into();
    let file: web_sys::File = form.get("file").dyn_into().map_err(|_| Problem::invalid("file", "must be a file"))?;
    // Forms escape quotes and line breaks in file names (HTML standard, multipart/form-data encoding algorithm).
    let name = check_file_name("file", &file.name().replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))?;
    let content_type = check_content_type(meant_type(Some(&file.type_())), &name)?;
    let sha256 = check_hash("X-Content-SHA256", call.header("x-content-sha256").as_deref())?;
    // JavaScript numbers are exact integers up to 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let size = file.size() as u64;
    if size > MAX_FORM_FILE {
        return Err(Problem::BodyTooLarge { limit: MAX_FORM_FILE, hint: SESSIONS_HINT });
    }
    Ok(Incoming { name, content_type, size, sha256, body: if size == 0 { Body::Text(String::new()) } else { Body::Raw(file.into()) } })
}
