//! `POST /api/storage/upload`: a file in one request, as a raw body or as `multipart/form-data`.

use std::rc::Rc;

use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::super::request::{check_content_type, check_file_name, check_hash, check_namespace};
use super::super::simple::{MAX_FORM_BYTES, MAX_FORM_FILE, SESSIONS_HINT, is_form, meant_type, raw_length};
use crate::accounts::access::Account;
use crate::accounts::ledger;
use crate::assets::asset::Asset;
use crate::assets::store::{Via, delete_asset, insert};
use crate::dedup;
use crate::delivery::disposition;
use crate::http::call::Routed;
use crate::http::reply::Reply;
use crate::ids::{Id, file_key};
use crate::jobs::{self, Job};
use crate::namespaces::{self, Namespace};
use crate::platform::origin::{self, Body};
use crate::platform::{bindings, clock, d1, random};
use crate::problem::{OriginFailure, Problem};
use crate::replay::keep;
use crate::s3::actions::{self, ObjectHeaders};
use crate::s3::{Payload, xml};
use crate::units::Sha256Hex;

/// What is to be stored.
struct Incoming {
    name: String,
    content_type: String,
    size: u64,
    sha256: Option<Sha256Hex>,
    body: Body,
}

/// Stores the file and answers with its asset.
pub async fn upload(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let content_type = call.header("content-type");
    let wanted_namespace = check_namespace("X-Namespace", call.header("x-namespace").as_deref());
    let incoming = if is_form(content_type.as_deref()) {
        form(call).await?
    } else {
        let size = raw_length(call.content_length().as_deref(), call.config.plan.max_part_bytes)?;
        raw(call, content_type.as_deref(), size)?
    };
    let wanted_namespace = wanted_namespace?;
    // A streamed body is not read to compare it: its length, name and declared hash stand for it (SPEC section 1).
    let hash = incoming.sha256.as_ref().map_or("-", Sha256Hex::as_str);
    let namespace_name = wanted_namespace.as_ref().map_or("-", |name| name.as_str());
    let body = format!("{}\n{hash}\n{namespace_name}\n{}", incoming.size, incoming.name);
    let slot = keep::slot(call, &account.id.to_string(), body.as_bytes())?;
    account.must_be_active()?;
    let held = call.clone();
    let work = async move {
        let namespace = namespaces::routes::for_upload(&held, &account, wanted_namespace.as_ref()).await?;
        account.may_upload_simply(incoming.size)?;
        let (storing, owner) = (held.clone(), Rc::clone(&account));
        // To its end: a reservation must not outlive a client that hangs up.
        let stored = held.to_the_end(async move { book(&storing, &owner, &namespace, incoming).await });
        let asset = stored.await.unwrap_or(Err(Problem::Internal))?;
        Reply::json(201, &json!({ "asset": asset.view(&held.base) }))
    };
    keep::once(call, slot, work).await
}

/// Reserves, stores, settles; whatever fails in between is taken back.
async fn book(call: &Routed, account: &Account, namespace: &Namespace, incoming: Incoming) -> Result<Asset, Problem> {
    let (id, size) = (random::id()?, incoming.size);
    ledger::link::reserve(&call.env, account, id, size, clock::now().plus(ledger::SIMPLE_GRACE_MS), None).await?;
    let stored = store(call, account, namespace, id, incoming).await;
    // What fails of these two, the ledger finds out by itself.
    match stored {
        Ok(asset) => {
            let _ = ledger::link::settle(&call.env, account.id, id, asset.object_id, size).await;
            if asset.claimed_sha256.is_some() {
                dedup::verify::enqueue(&call.env, asset.object_id).await;
            }
            Ok(asset)
        }
        Err(Failed::Cleanly(problem)) => {
            let _ = ledger::link::release(&call.env, account.id, id).await;
            Err(problem)
        }
        Err(Failed::Unclearly(problem)) => {
            let _ = ledger::link::doubt(&call.env, account.id, id).await;
            Err(problem)
        }
    }
}

/// How storing failed.
enum Failed {
    /// Nothing is left of it.
    Cleanly(Problem),
    /// The file may be there, or bytes that no file names: the ledger finds out.
    Unclearly(Problem),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Failed {
        Failed::Cleanly(problem)
    }
}

fn raw(call: &Routed, content_type: Option<&str>, size: u64) -> Result<Incoming, Problem> {
    let encoded = call.header("x-file-name").ok_or_else(|| Problem::Invalid { field: "X-File-Name", detail: "is required".to_owned() })?;
    // Header fields are ASCII: names beyond it come percent-encoded.
    let name = percent_encoding::percent_decode_str(&encoded)
        .decode_utf8()
        .map_err(|_| Problem::Invalid { field: "X-File-Name", detail: "must be percent-encoded UTF-8".to_owned() })?;
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

async fn form(call: &Routed) -> Result<Incoming, Problem> {
    raw_length(call.content_length().as_deref(), MAX_FORM_BYTES)?;
    let unreadable = |_: JsValue| Problem::Malformed { detail: "The body is not multipart/form-data.".to_owned() };
    let form = JsFuture::from(call.request.form_data().map_err(unreadable)?).await.map_err(unreadable)?;
    let form: web_sys::FormData = form.unchecked_into();
    let file: web_sys::File = form.get("file").dyn_into().map_err(|_| Problem::Invalid { field: "file", detail: "must be a file".to_owned() })?;
    // Forms escape quotes in file names as %22 (HTML standard, multipart/form-data encoding algorithm).
    let name = check_file_name("file", &file.name().replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))?;
    let content_type = check_content_type(meant_type(Some(&file.type_())), &name)?;
    let sha256 = check_hash("X-Content-SHA256", call.header("x-content-sha256").as_deref())?;
    // Sizes in JavaScript are exact integers below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let size = file.size() as u64;
    if size > MAX_FORM_FILE {
        return Err(Problem::BodyTooLarge { limit: MAX_FORM_FILE, hint: SESSIONS_HINT });
    }
    Ok(Incoming { name, content_type, size, sha256, body: if size == 0 { Body::Text(String::new()) } else { Body::Raw(file.into()) } })
}

async fn store(call: &Routed, account: &Account, namespace: &Namespace, id: Id, incoming: Incoming) -> Result<Asset, Failed> {
    // Named by its asset: should this die before a row names it, the ledger still knows where it is.
    let object = id;
    let key = file_key(&account.agentcache_user_id, object);
    let headers = ObjectHeaders { content_type: &incoming.content_type, content_disposition: &disposition::for_store(&incoming.name) };
    let payload = incoming.sha256.clone().map_or(Payload::Unsigned, Payload::Sha256);
    let started = clock::now();
    let answer = origin::send(&call.config, &actions::put_object(&key, headers, payload), incoming.body).await;
    call.span("origin", started);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let problem = origin::problem_of_bytes("PutObject", &error);
            // It may be there all the same, or yet come: then a job deletes it once more. A store that failed on its own may have failed after it wrote.
            if error.is_unheard() || error.status == 500 {
                let orphan = Job::Orphan { account: account.id, object };
                return Err(match jobs::enqueue_later(&call.env, &orphan, jobs::LATE_SECONDS).await {
                    Ok(()) => taken_back(call, &key, problem).await,
                    Err(_) => Failed::Unclearly(problem),
                });
            }
            return Err(Failed::Cleanly(problem));
        }
    };
    let etag = answer.header("etag");
    answer.discard();
    let Some(etag) = etag else {
        return Err(taken_back(call, &key, Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned()))).await);
    };
    let asset = Asset {
        id,
        account_id: account.id,
        object_id: object,
        name: incoming.name,
        content_type: incoming.content_type,
        namespace: namespace.name.clone(),
        s3_key: key,
        size: incoming.size,
        etag: xml::unquote(&etag).to_owned(),
        verification: if incoming.sha256.is_some() { "pending" } else { "none" }.to_owned(),
        claimed_sha256: incoming.sha256.map(String::from),
        sha256: None,
        created_at: clock::now(),
        owner_status: "active".to_owned(),
        borrowed: false,
    };
    let db = bindings::db(&call.env)?;
    if let Err(problem) = d1::batch(&db, &insert(&asset, Via::Simple, None)).await {
        if d1::batch(&db, &delete_asset(asset.id, account.id, clock::now())).await.is_err() {
            return Err(Failed::Unclearly(problem));
        }
        // Bytes that have a row are the collector's; those that never got one, nobody's.
        return Err(match d1::first::<serde_json::Value>(&db, &dedup::store::object(object)).await {
            Ok(Some(_)) => Failed::Cleanly(problem),
            Ok(None) => taken_back(call, &asset.s3_key, problem).await,
            Err(_) => Failed::Unclearly(problem),
        });
    }
    Ok(asset)
}

/// Deletes what was put and that nothing names. If that cannot be done now, the ledger has it done.
async fn taken_back(call: &Routed, key: &str, problem: Problem) -> Failed {
    match origin::delete(&call.config, key).await {
        Ok(()) => Failed::Cleanly(problem),
        Err(_) => Failed::Unclearly(problem),
    }
}
