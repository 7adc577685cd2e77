//! Verification: the object is read once, by the runtime's own digest; no byte enters WebAssembly.

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

/// How many assets one job moves: each is a subrequest, of which a job has a thousand.
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

/// Has an object looked at soon. Should this not get there, the daily run does it.
pub async fn enqueue(env: &Env, object: Id) {
    if let Err(error) = enqueue::enqueue(env, &Job::Verify { object }).await {
        let _ = log::internal("queue", &error.to_string());
    }
}

/// Looks at an object's bytes, writes what they are, and joins it with another that has the same. Repeating is harmless and reads nothing again.
///
/// # Errors
/// The store's, D1's; then nothing is decided.
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
    join(env, object).await
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
        log::event(LogLevel::Warn, "verify", serde_json::json!({ "error": js::words(&error) }));
        Problem::Origin(OriginFailure::Unreachable)
    };
    let stream = DigestStream::new("SHA-256").map_err(lost)?;
    // A body that is cut short rejects here: half an object is never judged.
    JsFuture::from(body.pipe_to(stream.unchecked_ref())).await.map_err(lost)?;
    let digest = JsFuture::from(stream.digest()).await.map_err(lost)?;
    Sha256Hex::parse(&hex::encode(js_sys::Uint8Array::new(&digest).to_vec())).ok_or(Problem::Internal)
}

/// Two uploads of the same bytes end as one object: the oldest. The ledgers of those who had the other are told.
async fn join(env: &Env, object: Id) -> Result<(), Problem> {
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
    // All of them, not only this one: of two that were looked at together each may have been judged when the other was not yet.
    for other in others.iter().filter(|other| other.refs > 0) {
        let owners: Vec<Owner> = d1::all(&db, &repository::owners(other.id, PAGE)).await?;
        // The ledgers are told twice: whoever dies in between, or is overtaken by another who joins these, leaves them to ask how it ended.
        for owner in &owners {
            ledger::doubt_by_job(env, owner.account_id, owner.id).await?;
        }
        let moved: Vec<Id> = owners.iter().map(|owner| owner.id).collect();
        d1::batch(&db, &repository::merge(other.id, oldest.id, &moved, clock::now())).await?;
        // One asset of each account: the others of that object go with it.
        let mut each: Vec<(Id, Id)> = Vec::new();
        for owner in &owners {
            if each.iter().all(|(account, _)| *account != owner.account_id) {
                each.push((owner.account_id, owner.id));
            }
        }
        tell_ledgers(env, each).await?;
        if u64::try_from(owners.len()).unwrap_or_default() == PAGE {
            enqueue(env, object).await;
        }
    }
    Ok(())
}

/// Tells accounts' ledgers what their assets reference.
async fn tell_ledgers(env: &Env, assets: Vec<(Id, Id)>) -> Result<(), Problem> {
    for (account, asset) in assets {
        if let Some(Seen::Stored { object, size }) = ledger_records::of(env, asset).await? {
            ledger::settle(env, account, asset, object, size).await?;
        }
    }
    Ok(())
}
