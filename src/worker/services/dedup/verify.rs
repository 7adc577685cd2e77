//! Verification: the object is read once and hashed by the runtime (`crypto.DigestStream`); no byte enters WebAssembly.

use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::config::{Config, LogLevel};
use crate::dedup::lookup::Verdict;
use crate::dedup::repository;
use crate::jobs::Job;
use crate::ledger::state::Seen;
use crate::problem::{OriginFailure, Problem};
use crate::s3::etag::unquote;
use crate::s3::operations::get_object;
use crate::worker::clients::{ledger, ledger_records};
use crate::worker::platform::js::DigestStream;
use crate::worker::platform::origin::Body;
use crate::worker::platform::{bindings, clock, d1, enqueue, js, log, origin};

/// Assets moved per job: each costs a subrequest, of which a job has 1,000 (Cloudflare Workers documentation, "Limits").
const PAGE: u64 = 200;

#[derive(Deserialize)]
struct Row {
    namespace: Name,
    s3_key: String,
    size: u64,
    etag: String,
    claimed_sha256: Option<Sha256Hex>,
}

#[derive(Deserialize)]
struct Owner {
    id: Id,
    account_id: Id,
}

/// Enqueues the verification of an object. If that fails, the daily run enqueues it.
pub async fn enqueue(env: &Env, object: Id) {
    if let Err(error) = enqueue::enqueue(env, &Job::Verify { object }).await {
        let _ = log::internal("queue", &error.to_string());
    }
}

/// Hashes an object's bytes, stores the verdict, and merges the object with another one with the same bytes. Idempotent; a verified object is not read again.
///
/// # Errors
/// Errors of the store and D1; no verdict is stored then.
pub async fn verify(env: &Env, config: &Config, object: Id) -> Result<(), Problem> {
    let db = bindings::db(env)?;
    if let Some(row) = d1::first::<Row>(&db, &repository::to_verify(object)).await? {
        let claimed = row.claimed_sha256.clone().ok_or(Problem::Internal)?;
        let computed = digest(config, &row).await?;
        let verdict = Verdict::of(claimed.as_str(), &computed);
        if verdict == Verdict::Mismatch {
            log::event(LogLevel::Warn, "false-hash", serde_json::json!({ "object": object, "namespace": row.namespace }));
        }
        d1::batch(&db, &[repository::set_verification(object, verdict.as_str(), &computed)]).await?;
    }
    merge_duplicates(env, object).await
}

async fn digest(config: &Config, row: &Row) -> Result<Sha256Hex, Problem> {
    let answer = origin::send(config, &get_object::get_object(&row.s3_key, None), Body::Empty).await;
    let answer = answer.map_err(|error| origin::problem("GetObject", &error))?;
    let length = answer.header("content-length").and_then(|text| text.trim().parse::<u64>().ok());
    let same = answer.header("etag").is_none_or(|etag| unquote(&etag) == row.etag);
    let body = answer.body().filter(|_| length == Some(row.size) && same);
    let Some(body) = body else {
        answer.discard();
        return Err(Problem::Origin(OriginFailure::Unexpected("AnswerMismatch".to_owned())));
    };
    let lost = |error: JsValue| {
        log::event(LogLevel::Warn, "verify", serde_json::json!({ "error": js::error_text(&error) }));
        Problem::Origin(OriginFailure::Unreachable)
    };
    let stream = DigestStream::new("SHA-256").map_err(lost)?;
    // Rejects if the body is truncated, so that a partial object gets no verdict.
    JsFuture::from(body.pipe_to(stream.unchecked_ref())).await.map_err(lost)?;
    let digest = JsFuture::from(stream.digest()).await.map_err(lost)?;
    Sha256Hex::parse(&hex::encode(js_sys::Uint8Array::new(&digest).to_vec())).ok_or(Problem::Internal)
}

/// Merges objects with the same bytes into the oldest one, and updates the ledgers of the accounts that referenced the others.
async fn merge_duplicates(env: &Env, object: Id) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Verified {
        namespace: Name,
        sha256: Sha256Hex,
        size: u64,
    }
    #[derive(Deserialize)]
    struct Same {
        id: Id,
        refs: u64,
    }
    let db = bindings::db(env)?;
    let Some(row) = d1::first::<Verified>(&db, &repository::verified(object)).await? else { return Ok(()) };
    let same: Vec<Same> = d1::all(&db, &repository::in_namespace(&row.namespace, &row.sha256, row.size)).await?;
    let Some((oldest, others)) = same.split_first() else { return Ok(()) };
    // All of them, not only this one: of two objects verified concurrently, each may have been verified when the other was not yet.
    for other in others.iter().filter(|other| other.refs > 0) {
        let owners: Vec<Owner> = d1::all(&db, &repository::owners(other.id, PAGE)).await?;
        // The ledgers are notified before and after: if this job dies in between, or a concurrent one merges these objects, they check the outcome in D1.
        for owner in &owners {
            ledger::schedule_check_by_job(env, owner.account_id, owner.id).await?;
        }
        let moved: Vec<Id> = owners.iter().map(|owner| owner.id).collect();
        d1::batch(&db, &repository::merge(other.id, oldest.id, &moved, clock::now())).await?;
        // One asset per account: the ledger moves the account's other assets of that object with it.
        let mut each: Vec<(Id, Id)> = Vec::new();
        for owner in &owners {
            if each.iter().all(|(account, _)| *account != owner.account_id) {
                each.push((owner.account_id, owner.id));
            }
        }
        update_ledgers(env, each).await?;
        if u64::try_from(owners.len()).unwrap_or_default() == PAGE {
            enqueue(env, object).await;
        }
    }
    Ok(())
}

/// Updates the accounts' ledgers with the objects that their assets reference.
async fn update_ledgers(env: &Env, assets: Vec<(Id, Id)>) -> Result<(), Problem> {
    for (account, asset) in assets {
        if let Some(Seen::Stored { object, size }) = ledger_records::find_asset(env, asset).await? {
            ledger::settle(env, account, asset, object, size).await?;
        }
    }
    Ok(())
}
