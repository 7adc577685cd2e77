//! Verification: the object is read once. One of a few GB at most is hashed by the runtime (`crypto.DigestStream`); no byte of it enters WebAssembly. A larger
//! one is hashed in steps, one per job, because a job has 15 minutes (Cloudflare Queues, "Limits"): its bytes pass through WebAssembly, whose hash can be
//! left off and taken up again.

use futures_util::future::join;
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::config::{Config, LogLevel};
use crate::dedup::hashing::PartialHash;
use crate::dedup::lookup::Verdict;
use crate::dedup::repository;
use crate::dedup::verification::{Pending, Step, got_on, is_range};
use crate::jobs::Job;
use crate::ledger::state::Seen;
use crate::problem::{OriginFailure, Problem};
use crate::s3::etag::may_be_version;
use crate::s3::operations::get_object;
use crate::worker::clients::{ledger, ledger_records};
use crate::worker::platform::js::{DigestStream, FixedLengthStream, StreamReader};
use crate::worker::platform::origin::{Answer, Body};
use crate::worker::platform::{bindings, clock, d1, enqueue, js, log, origin};

/// Assets moved per job: each costs a subrequest, of which a job has 1,000 (Cloudflare Workers documentation, "Limits").
const PAGE: u64 = 200;

/// Time after which a step ends where it is, ms: less than a job has, with room for what follows.
const STEP_MS: u64 = 600_000;

/// Bytes copied into WebAssembly at once.
const COPY_BYTES: u32 = 65_536;

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

/// Hashes an object's bytes, or its next ones; behind the last one it stores the verdict, and merges the object with another one with the same bytes.
/// Idempotent; a verified object is not read again.
///
/// # Errors
/// Errors of the store and D1; no verdict is stored then.
pub async fn verify(env: &Env, config: &Config, object: Id) -> Result<(), Problem> {
    let db = bindings::db(env)?;
    if let Some(row) = d1::first::<Pending>(&db, &repository::to_verify(object)).await? {
        let step = row.next(config.verify_step_bytes, config.verify_max_attempts);
        if let Step::GiveUp(reason) = &step {
            log::event(LogLevel::Error, "verify", serde_json::json!({ "error": "given up", "object": object, "reason": reason }));
            return d1::batch(&db, &repository::give_up_verification(object, reason)).await;
        }
        d1::batch(&db, &[repository::begin_verification(object, clock::now())]).await?;
        let computed = match step {
            Step::Part { hash, last } => hash_step(env, config, object, &row, hash, last).await,
            Step::Whole | Step::GiveUp(_) => digest(config, &row).await.map(Some),
        };
        let computed = match computed {
            Ok(Some(computed)) => computed,
            Ok(None) => return Ok(()),
            Err(problem) => {
                let _ = d1::batch(&db, &[repository::fail_verification(object, problem.kind().code)]).await;
                return Err(problem);
            }
        };
        let claimed = row.claimed_sha256.ok_or(Problem::Internal)?;
        let verdict = Verdict::of(claimed.as_str(), &computed);
        if verdict == Verdict::Mismatch {
            log::event(LogLevel::Warn, "false-hash", serde_json::json!({ "object": object, "namespace": row.namespace }));
        }
        d1::batch(&db, &[repository::set_verification(object, verdict.as_str(), &computed), repository::end_verification(object)]).await?;
    }
    merge_duplicates(env, object).await
}

/// Hashes the object's bytes up to and including `last`, keeps the hash of what arrived and enqueues the rest. Returns the hash of the whole object behind its
/// last byte.
async fn hash_step(env: &Env, config: &Config, object: Id, row: &Pending, mut hash: PartialHash, last: u64) -> Result<Option<Sha256Hex>, Problem> {
    let began = hash.position();
    let read = hash_range(config, row, &mut hash, last).await;
    let got_on = got_on(hash.position().saturating_sub(began), last.saturating_sub(began).saturating_add(1));
    if hash.position() > began {
        // Not `began`: a state that could not be read is begun anew, from 0.
        let kept = repository::advance_verification(object, row.position.unwrap_or_default(), &hash, got_on, clock::now());
        let kept: Option<serde_json::Value> = d1::first(&bindings::db(env)?, &kept).await?;
        if kept.is_none() {
            // Another job got on from here.
            return Ok(None);
        }
    }
    if hash.position() == row.size {
        return hash.finish().map(Some).ok_or(Problem::Internal);
    }
    match read {
        Err(problem) if !got_on => Err(problem),
        _ => {
            enqueue(env, object).await;
            Ok(None)
        }
    }
}

/// Hashes bytes of the object from the hash's position on, until `last`, the end of the time or an error: what arrived before it counts.
async fn hash_range(config: &Config, row: &Pending, hash: &mut PartialHash, last: u64) -> Result<(), Problem> {
    let (first, started) = (hash.position(), clock::now());
    let mismatch = || Problem::Origin(OriginFailure::Unexpected("AnswerMismatch".to_owned()));
    let answer = origin::send(config, &get_object::get_object(&row.s3_key, Some((first, last))), Body::Empty).await;
    let answer = answer.map_err(|error| origin::problem("GetObject", &error))?;
    let fits = is_range(answer.status, answer.header("content-range").as_deref(), first, last) && is_same(&answer, row);
    let Some(body) = answer.body().filter(|_| fits) else {
        answer.discard();
        return Err(mismatch());
    };
    let reader = StreamReader::new(&body).map_err(lost)?;
    let mut buffer = vec![0; usize::try_from(COPY_BYTES).unwrap_or_default()];
    while let Some(chunk) = reader.chunk().await.map_err(lost)? {
        if u64::from(chunk.length()) > last.saturating_add(1).saturating_sub(hash.position()) {
            let _ = reader.cancel();
            return Err(mismatch());
        }
        let mut at = 0;
        while at < chunk.length() {
            let piece = chunk.subarray(at, at.saturating_add(COPY_BYTES).min(chunk.length()));
            at = at.saturating_add(piece.length());
            if let Some(bytes) = buffer.get_mut(..usize::try_from(piece.length()).unwrap_or_default()) {
                piece.copy_to(bytes);
                hash.update(bytes);
            }
        }
        if clock::now().since(started) > STEP_MS {
            let _ = reader.cancel();
            return Ok(());
        }
    }
    if hash.position() > last { Ok(()) } else { Err(Problem::Origin(OriginFailure::Unreachable)) }
}

/// Whether the answer's ETag is the object's, as far as both are known.
fn is_same(answer: &Answer, row: &Pending) -> bool {
    may_be_version(answer.header("etag").as_deref(), &row.etag)
}

fn lost(error: JsValue) -> Problem {
    log::event(LogLevel::Warn, "verify", serde_json::json!({ "error": js::error_text(&error) }));
    Problem::Origin(OriginFailure::Unreachable)
}

async fn digest(config: &Config, row: &Pending) -> Result<Sha256Hex, Problem> {
    let answer = origin::get(config, &row.s3_key, row.size, None).await;
    let answer = answer.map_err(|error| origin::problem("GetObject", &error))?;
    let length = answer.header("content-length").and_then(|text| text.trim().parse::<u64>().ok());
    let body = answer.body().filter(|_| length.is_none_or(|bytes| bytes == row.size) && is_same(&answer, row));
    let Some(body) = body else {
        answer.discard();
        return Err(Problem::Origin(OriginFailure::Unexpected("AnswerMismatch".to_owned())));
    };
    let stream = DigestStream::new("SHA-256").map_err(lost)?;
    // Counts the bytes, since the store need not tell how many come. Rejects if the body is truncated, so that a partial object gets no verdict.
    let counted = FixedLengthStream::new(row.size as f64).map_err(lost)?;
    let counting = JsFuture::from(body.pipe_to(&counted.writable()));
    let hashing = JsFuture::from(counted.readable().pipe_to(stream.unchecked_ref()));
    let (counting, hashing) = join(counting, hashing).await;
    counting.and(hashing).map_err(lost)?;
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
