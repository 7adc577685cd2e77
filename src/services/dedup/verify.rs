//! Verification: the object is read once. One of a few GB at most is hashed by the runtime (`crypto.DigestStream`); no byte of it enters WebAssembly. A larger
//! one is hashed in steps, one per job, because a job has 15 minutes (Cloudflare Queues, "Limits"): its bytes pass through WebAssembly, whose hash can be
//! left off and taken up again.

use serde::Deserialize;

use crate::accounts::directory::Item;
use crate::analytics::repository::add_upload;
use crate::analytics::upload_count::{Only, UploadCount};
use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::shard::{Access, Shard};
use crate::clients::{database, ledger, ledger_records, shards, store};
use crate::config::Config;
use crate::dedup::hashing::PartialHash;
use crate::dedup::lookup::Verdict;
use crate::dedup::repository;
use crate::dedup::verification::{Pending, Step, got_on, is_range};
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::jobs::Job;
use crate::ledger::state::Seen;
use crate::log;
use crate::log::LogLevel;
use crate::problem::{OriginFailure, Problem};
use crate::s3::etag::may_be_version;
use crate::s3::operations::get_object;

/// Assets moved per job: each costs a subrequest, of which a job has 1,000 (Cloudflare Workers documentation, "Limits").
const PAGE: u64 = 200;

/// Time after which a step ends where it is, ms: less than a job has, with room for what follows.
const STEP_MS: u64 = 600_000;

#[derive(Deserialize)]
struct Owner {
    id: Id,
    account_id: Id,
}

/// Enqueues the verification of an account's object. If that fails, the daily run enqueues it.
pub async fn enqueue_for(io: &impl Io, account: Id, object: Id) {
    if let Ok(shard) = shards::shard_of(io, Item::Account(account), Access::Read).await {
        enqueue(io, object, shard).await;
    }
}

async fn enqueue(io: &impl Io, object: Id, shard: Shard) {
    // If that fails, the daily run sends it.
    let _ = io.enqueue(&Job::Verify { object, shard }, 0).await;
}

/// Hashes an object's bytes, or its next ones; behind the last one it stores the verdict, and merges the object with another one with the same bytes.
/// Idempotent; a verified object is not read again.
///
/// # Errors
/// Errors of the store and D1; no verdict is stored then.
pub async fn verify(io: &impl Io, config: &Config, object: Id, shard: Shard) -> Result<(), Problem> {
    let db = io.db(shard)?;
    if let Some(row) = database::first::<Pending>(&db, &repository::to_verify(object)).await? {
        must_be_here(io, &row.namespace, shard).await?;
        let step = row.next(config.verify_step_bytes, config.verify_max_attempts);
        if let Step::GiveUp(reason) = &step {
            log::event(LogLevel::Error, "verify", serde_json::json!({ "error": "given up", "object": object, "reason": reason }));
            return database::batch(&db, &repository::give_up_verification(object, reason)).await;
        }
        database::batch(&db, &[repository::begin_verification(object, io.now())]).await?;
        let computed = match step {
            Step::Part { hash, last } => hash_step(io, config, (object, shard), &row, hash, last).await,
            Step::Whole | Step::GiveUp(_) => digest(io, config, &row).await.map(Some),
        };
        let computed = match computed {
            Ok(Some(computed)) => computed,
            Ok(None) => return Ok(()),
            Err(problem) => {
                let _ = database::batch(&db, &[repository::fail_verification(object, problem.kind().code)]).await;
                return Err(problem);
            }
        };
        let claimed = row.claimed_sha256.ok_or(Problem::Internal)?;
        let verdict = Verdict::of(claimed.as_str(), &computed);
        if verdict == Verdict::Mismatch {
            log::event(LogLevel::Warn, "false-hash", serde_json::json!({ "object": object, "namespace": row.namespace }));
        }
        database::batch(&db, &[repository::set_verification(object, verdict.as_str(), &computed), repository::end_verification(object)]).await?;
    }
    merge_duplicates(io, object, shard).await
}

/// Checks that the namespace may be changed in this shard.
///
/// # Errors
/// [`Problem::AccountMoving`] while it is moved, [`Problem::NotFound`] after that: the job is repeated, until the object is no longer here ([`follow`]).
async fn must_be_here(io: &impl Io, namespace: &Name, shard: Shard) -> Result<(), Problem> {
    let now = shards::shard_of(io, Item::Namespace(namespace), Access::Write).await?;
    if now == shard { Ok(()) } else { Err(Problem::NotFound) }
}

/// Hashes the object's bytes up to and including `last`, keeps the hash of what arrived and enqueues the rest. Returns the hash of the whole object behind its
/// last byte.
async fn hash_step(
    io: &impl Io,
    config: &Config,
    (object, shard): (Id, Shard),
    row: &Pending,
    mut hash: PartialHash,
    last: u64,
) -> Result<Option<Sha256Hex>, Problem> {
    let began = hash.position();
    let read = hash_range(io, config, row, &mut hash, last).await;
    let got_on = got_on(hash.position().saturating_sub(began), last.saturating_sub(began).saturating_add(1));
    if hash.position() > began {
        // Not `began`: a state that could not be read is begun anew, from 0.
        let kept = repository::advance_verification(object, row.position.unwrap_or_default(), &hash, got_on, io.now());
        let kept: Option<serde_json::Value> = database::first(&io.db(shard)?, &kept).await?;
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
            enqueue(io, object, shard).await;
            Ok(None)
        }
    }
}

/// Hashes bytes of the object from the hash's position on, until `last`, the end of the time or an error: what arrived before it counts.
async fn hash_range(io: &impl Io, config: &Config, row: &Pending, hash: &mut PartialHash, last: u64) -> Result<(), Problem> {
    let (first, started) = (hash.position(), io.now());
    let answer = store::send(io, config, &get_object::get_object(&row.s3_key, Some((first, last))), Body::Empty).await;
    let answer = answer.map_err(|error| store::problem("GetObject", &error))?;
    if !is_range(answer.status(), answer.header("content-range").as_deref(), first, last) || !is_same(&answer, row) {
        answer.discard();
        return Err(mismatch());
    }
    let (mut too_long, mut out_of_time) = (false, false);
    let whole = io.read_pieces(&answer, |piece| {
        let wanted = last.saturating_add(1).saturating_sub(hash.position());
        too_long = u64::try_from(piece.len()).is_ok_and(|bytes| bytes > wanted);
        if !too_long {
            hash.update(piece);
        }
        out_of_time = io.now().since(started) > STEP_MS;
        !too_long && !out_of_time
    });
    let whole = whole.await;
    match () {
        () if too_long => Err(mismatch()),
        () if out_of_time || whole && hash.position() > last => Ok(()),
        () => Err(Problem::Origin(OriginFailure::Unreachable)),
    }
}

fn mismatch() -> Problem {
    Problem::Origin(OriginFailure::Unexpected("AnswerMismatch".to_owned()))
}

/// Whether the answer's ETag is the object's, as far as both are known.
fn is_same(answer: &impl Answer, row: &Pending) -> bool {
    may_be_version(answer.header("etag").as_deref(), &row.etag)
}

async fn digest(io: &impl Io, config: &Config, row: &Pending) -> Result<Sha256Hex, Problem> {
    let answer = store::get(io, config, &row.s3_key, row.size, None, None).await;
    let answer = answer.map_err(|error| store::problem("GetObject", &error))?;
    if answer.content_length().is_some_and(|bytes| bytes != row.size) || !is_same(&answer, row) {
        answer.discard();
        return Err(mismatch());
    }
    // A body that is truncated or longer gets no verdict.
    let digest = io.digest_of(&answer, row.size).await.ok_or(Problem::Origin(OriginFailure::Unreachable))?;
    Sha256Hex::parse(&digest).ok_or(Problem::Internal)
}

/// Merges objects with the same bytes into the oldest one, and updates the ledgers of the accounts that referenced the others.
async fn merge_duplicates(io: &impl Io, object: Id, shard: Shard) -> Result<(), Problem> {
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
    let db = io.db(shard)?;
    let Some(row) = database::first::<Verified>(&db, &repository::verified(object)).await? else { return follow(io, object, shard).await };
    must_be_here(io, &row.namespace, shard).await?;
    let same: Vec<Same> = database::all(&db, &repository::in_namespace(&row.namespace, &row.sha256, row.size)).await?;
    let Some((oldest, others)) = same.split_first() else { return Ok(()) };
    // All of them, not only this one: of two objects verified concurrently, each may have been verified when the other was not yet.
    for other in others.iter().filter(|other| other.refs > 0) {
        let owners: Vec<Owner> = database::all(&db, &repository::owners(other.id, PAGE)).await?;
        // The ledgers are notified before and after: if this job dies in between, or a concurrent one merges these objects, they check the outcome in D1.
        for owner in &owners {
            ledger::schedule_check_by_job(io, owner.account_id, owner.id).await?;
        }
        let moved: Vec<Id> = owners.iter().map(|owner| owner.id).collect();
        // Bytes of the other object were stored, and now need not be kept.
        let counted = add_upload(&row.namespace, &UploadCount::deduplicated(row.size), Only::IfMerged(other.id), io.now());
        database::batch(&db, &repository::merge(other.id, oldest.id, &moved, counted, io.now())).await?;
        // If this batch was late and the namespace was moved meanwhile, nothing was merged where it is now: the repeated job follows it.
        shards::must_still_have_namespace(io, shard, &row.namespace).await?;
        // One asset per account: the ledger moves the account's other assets of that object with it.
        let mut each: Vec<(Id, Id)> = Vec::new();
        for owner in &owners {
            if each.iter().all(|(account, _)| *account != owner.account_id) {
                each.push((owner.account_id, owner.id));
            }
        }
        update_ledgers(io, each).await?;
        if u64::try_from(owners.len()).unwrap_or_default() == PAGE {
            enqueue(io, object, shard).await;
        }
    }
    Ok(())
}

/// Sends the job to the shard that an object was moved to: behind a verdict nothing else sends it again. Does nothing for one that is here, or was deleted.
async fn follow(io: &impl Io, object: Id, shard: Shard) -> Result<(), Problem> {
    if !shards::are_several(io) || is_in(io, object, shard).await? {
        return Ok(());
    }
    for other in shards::all(io).filter(|other| *other != shard) {
        if is_in(io, object, other).await? {
            return io.enqueue(&Job::Verify { object, shard: other }, 0).await;
        }
    }
    Ok(())
}

async fn is_in(io: &impl Io, object: Id, shard: Shard) -> Result<bool, Problem> {
    let found: Option<serde_json::Value> = database::first(&io.db(shard)?, &repository::object(object)).await?;
    Ok(found.is_some())
}

/// Updates the accounts' ledgers with the objects that their assets reference.
async fn update_ledgers(io: &impl Io, assets: Vec<(Id, Id)>) -> Result<(), Problem> {
    for (account, asset) in assets {
        if let Some(Seen::Stored { object, size }) = ledger_records::find_asset(io, account, asset).await? {
            ledger::settle(io, account, asset, object, size).await?;
        }
    }
    Ok(())
}
