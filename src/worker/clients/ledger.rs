//! The way to an account's ledger.

use worker::Env;

use crate::accounts::account::Account;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::files::asset::Asset;
use crate::ledger::message::{Message, Reply, UsageSnapshot};
use crate::ledger::timing::{DELETE_GRACE_MS, JOB_GRACE_MS};
use crate::problem::Problem;
use crate::worker::platform::{bindings, clock, objects};

/// Says `message` to the account's ledger and waits for its answer, which is durable by then.
///
/// # Errors
/// [`Problem::Internal`] if the ledger cannot be reached.
pub async fn send(env: &Env, account: Id, message: &Message) -> Result<Reply, Problem> {
    let reply = objects::send(&bindings::accounts(env)?, &account.to_string(), message, message.is_repeatable()).await?;
    Ok(reply.unwrap_or(Reply::Done))
}

/// Reserves storage for an upload that will become `asset`; `place` says where its bytes will lie, if the asset does not.
///
/// # Errors
/// 403, 507.
pub async fn reserve(env: &Env, account: &Account, asset: Id, bytes: u64, look_at: EpochMs, place: Option<String>) -> Result<(), Problem> {
    match send(env, account.id, &Message::Reserve { asset, bytes, look_at, limits: account.limits(), place }).await {
        Ok(Reply::Done) => Ok(()),
        Ok(other) => Err(refusal(&other, bytes, clock::now())),
        Err(problem) => {
            // It may have been booked all the same. Should this fail, too, the ledger finds out by itself.
            let _ = release(env, account.id, asset).await;
            Err(problem)
        }
    }
}

/// The asset exists and references `object`.
pub async fn settle(env: &Env, account: Id, asset: Id, object: Id, size: u64) -> Result<(), Problem> {
    send(env, account, &Message::Settle { asset, object, size }).await.map(|_| ())
}

/// Counts an asset that is to reference bytes that are there.
///
/// # Errors
/// 403, 507.
pub async fn adopt(env: &Env, account: &Account, asset: &Asset) -> Result<(), Problem> {
    let message = Message::Adopt { asset: asset.id, object: asset.object_id, size: asset.size, limits: account.limits() };
    match send(env, account.id, &message).await {
        Ok(Reply::Done) => Ok(()),
        Ok(other) => Err(refusal(&other, asset.size, clock::now())),
        Err(problem) => {
            let _ = release(env, account.id, asset.id).await;
            Err(problem)
        }
    }
}

/// The asset does not exist.
pub async fn release(env: &Env, account: Id, asset: Id) -> Result<(), Problem> {
    send(env, account, &Message::Release { asset }).await.map(|_| ())
}

/// The asset is about to be deleted by a request.
pub async fn doubt(env: &Env, account: Id, asset: Id) -> Result<(), Problem> {
    doubt_for(env, account, asset, DELETE_GRACE_MS).await
}

/// The asset is about to be deleted, or moved, by a job.
pub async fn doubt_by_job(env: &Env, account: Id, asset: Id) -> Result<(), Problem> {
    doubt_for(env, account, asset, JOB_GRACE_MS).await
}

async fn doubt_for(env: &Env, account: Id, asset: Id, ms: u64) -> Result<(), Problem> {
    send(env, account, &Message::ScheduleCheck { asset, look_at: clock::now().plus(ms) }).await.map(|_| ())
}

/// Bandwidth for a content URL of `bytes`.
///
/// # Errors
/// 403, 429.
pub async fn charge(env: &Env, account: &Account, bytes: u64) -> Result<(), Problem> {
    match send(env, account.id, &Message::Charge { bytes, limits: account.limits() }).await? {
        Reply::State { .. } => Ok(()),
        other => Err(refusal(&other, bytes, clock::now())),
    }
}

/// The account's figures.
pub async fn figures(env: &Env, account: Id, message: &Message) -> Result<UsageSnapshot, Problem> {
    match send(env, account, message).await? {
        Reply::State { figures } => Ok(figures),
        _ => Err(Problem::Internal),
    }
}

/// What a refusal of the ledger means to the caller.
fn refusal(reply: &Reply, requested: u64, now: EpochMs) -> Problem {
    match *reply {
        Reply::Suspended => Problem::Suspended,
        Reply::StorageFull { limit, used, reserved } => Problem::StorageExceeded { limit, used, reserved, requested },
        Reply::BandwidthFull { limit, used, resets } => crate::ledger::refusal::bandwidth_exceeded(limit, used, resets, now),
        _ => Problem::Internal,
    }
}
