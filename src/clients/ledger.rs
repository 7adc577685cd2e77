//! Client of an account's ledger (Durable Object `AccountLedger`).

use crate::accounts::account::Account;
use crate::accounts::provisioning::Record;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::clients::objects;
use crate::files::asset::Asset;
use crate::io::Io;
use crate::io::object::{Kind, Undelivered};
use crate::ledger::message::{Message, Reply, UsageSnapshot};
use crate::ledger::timing::{DELETE_GRACE_MS, JOB_GRACE_MS};
use crate::problem::Problem;

/// Sends `message` to the account's ledger. The change is durable when the reply arrives.
///
/// # Errors
/// [`Problem::Internal`] if the ledger is unreachable.
pub async fn send(io: &impl Io, account: Id, message: &Message) -> Result<Reply, Problem> {
    let reply = objects::send(io, Kind::Ledger, &account.to_string(), message, message.is_repeatable()).await?;
    Ok(reply.unwrap_or(Reply::Done))
}

/// As [`send`], for the account itself. Its first call creates the ledger, near the caller.
///
/// # Errors
/// As [`send`].
pub async fn send_of(io: &impl Io, account: &Account, message: &Message) -> Result<Reply, Problem> {
    let near = account.ledger_region.as_deref().filter(|region| !region.is_empty());
    let reply = objects::send_near(io, Kind::Ledger, &account.id.to_string(), near, message, message.is_repeatable()).await?;
    Ok(reply.unwrap_or(Reply::Done))
}

/// What an upload asks for before its first byte is stored.
pub struct Wanted {
    /// The asset that it will become.
    pub asset: Id,
    /// Bytes.
    pub bytes: u64,
    /// When the ledger checks the outcome itself.
    pub look_at: EpochMs,
    /// Where a video file's bytes will be.
    pub place: Option<String>,
    /// Whether an upload session stores it.
    pub session: bool,
    /// Whether it takes the place of a file.
    pub replaces: bool,
}

/// Reserves room for an upload; whether somebody listens to the account.
///
/// # Errors
/// 403 suspended, 507 storage exceeded or too many objects, 429 too many uploads.
pub async fn reserve(io: &impl Io, account: &Account, wanted: Wanted) -> Result<bool, Problem> {
    let Wanted { asset, bytes, look_at, place, session, replaces } = wanted;
    match send_of(io, account, &Message::Reserve { asset, bytes, look_at, limits: account.limits(), place, session, replaces }).await {
        Ok(done @ (Reply::Done | Reply::Listened)) => Ok(done == Reply::Listened),
        Ok(other) => Err(refusal(&other, bytes, io.now())),
        Err(problem) => {
            // The reservation may exist although the reply was lost. If the release fails as well, the ledger's scheduled check ends it.
            let _ = release(io, account.id, asset).await;
            Err(problem)
        }
    }
}

/// Turns the reservation into use: the asset exists and references `object` (`size` bytes).
pub async fn settle(io: &impl Io, account: Id, asset: Id, object: Id, size: u64) -> Result<(), Problem> {
    send(io, account, &Message::Settle { asset, object, size }).await.map(|_| ())
}

/// Counts an asset that is about to reference an existing object; whether somebody listens to the account.
///
/// # Errors
/// 403 suspended, 507 storage exceeded or too many objects.
pub async fn adopt(io: &impl Io, account: &Account, asset: &Asset) -> Result<bool, Problem> {
    let message = Message::Adopt { asset: asset.id, object: asset.object_id, size: asset.size, limits: account.limits() };
    match send_of(io, account, &message).await {
        Ok(done @ (Reply::Done | Reply::Listened)) => Ok(done == Reply::Listened),
        Ok(other) => Err(refusal(&other, asset.size, io.now())),
        Err(problem) => {
            let _ = release(io, account.id, asset.id).await;
            Err(problem)
        }
    }
}

/// As [`settle`]; whether somebody listens to the account.
pub async fn settle_upload(io: &impl Io, account: Id, asset: Id, object: Id, size: u64) -> Result<bool, Problem> {
    send(io, account, &Message::Settle { asset, object, size }).await.map(|reply| reply == Reply::Listened)
}

/// As [`release`]; whether somebody listens to the account.
pub async fn release_upload(io: &impl Io, account: Id, asset: Id) -> Result<bool, Problem> {
    send(io, account, &Message::Release { asset }).await.map(|reply| reply == Reply::Listened)
}

/// Says that somebody listens to the account until then.
pub async fn listen(io: &impl Io, account: Id, until: EpochMs) -> Result<(), Problem> {
    send(io, account, &Message::Listen { until }).await.map(|_| ())
}

/// Releases an asset's reservation or use: the asset does not exist.
pub async fn release(io: &impl Io, account: Id, asset: Id) -> Result<(), Problem> {
    send(io, account, &Message::Release { asset }).await.map(|_| ())
}

/// Schedules a check of an asset that a request is about to delete, in case the request dies before it has reported the outcome.
pub async fn schedule_check(io: &impl Io, account: Id, asset: Id) -> Result<(), Problem> {
    schedule_check_in(io, account, asset, DELETE_GRACE_MS).await
}

/// Schedules a check of an asset that a job is about to delete or move.
pub async fn schedule_check_by_job(io: &impl Io, account: Id, asset: Id) -> Result<(), Problem> {
    schedule_check_in(io, account, asset, JOB_GRACE_MS).await
}

async fn schedule_check_in(io: &impl Io, account: Id, asset: Id, ms: u64) -> Result<(), Problem> {
    send(io, account, &Message::ScheduleCheck { asset, look_at: io.now().plus(ms) }).await.map(|_| ())
}

/// Charges bandwidth for a content URL of `bytes` bytes.
///
/// # Errors
/// 403 suspended, 429 bandwidth exceeded.
pub async fn charge(io: &impl Io, account: &Account, bytes: u64) -> Result<(), Problem> {
    match send_of(io, account, &Message::Charge { bytes, limits: account.limits() }).await? {
        Reply::State { .. } => Ok(()),
        other => Err(refusal(&other, bytes, io.now())),
    }
}

/// Counts a response of `bytes` that is about to be kept until `until`; an account may keep `limit` bytes.
///
/// # Errors
/// 403 suspended, 507 if it would be more.
pub async fn keep_response(io: &impl Io, account: &Account, bytes: u64, until: EpochMs, limit: u64) -> Result<(), Problem> {
    match send_of(io, account, &Message::Keep { bytes, until, limit, limits: account.limits() }).await? {
        Reply::Done => Ok(()),
        other => Err(refusal(&other, bytes, io.now())),
    }
}

/// The account's usage, as the reply to `message`.
pub async fn usage(io: &impl Io, account: Id, message: &Message) -> Result<UsageSnapshot, Problem> {
    match send(io, account, message).await? {
        Reply::State { figures } => Ok(figures),
        _ => Err(Problem::Internal),
    }
}

/// How a message ended that must not be handled twice.
pub enum Sent {
    /// The ledger has handled it; its usage.
    Answered(UsageSnapshot),
    /// The ledger has not got it.
    Refused,
    /// Whether the ledger has handled it is unknown.
    Lost,
}

/// Sends `message`, which counts bandwidth, once.
pub async fn meter(io: &impl Io, account: Id, message: &Message) -> Sent {
    match objects::send_once(io, Kind::Ledger, &account.to_string(), message).await {
        Ok(Some(Reply::State { figures })) => Sent::Answered(figures),
        Err(Undelivered { was_refused: true, .. }) => Sent::Refused,
        _ => Sent::Lost,
    }
}

/// The usage of an account whose own calls may not have created a ledger yet: then it has used nothing, and none is created.
///
/// # Errors
/// As [`send`].
pub async fn usage_of(io: &impl Io, record: &Record) -> Result<UsageSnapshot, Problem> {
    match record.ledger_region {
        Some(_) => usage(io, record.id, &Message::Usage { limits: Some(record.limits()) }).await,
        None => Ok(UsageSnapshot::unused(record.limits(), io.now())),
    }
}

/// Maps a refusal of the ledger to a problem.
fn refusal(reply: &Reply, requested: u64, now: EpochMs) -> Problem {
    match *reply {
        Reply::Suspended => Problem::Suspended,
        Reply::StorageFull { limit, used, reserved } => Problem::StorageExceeded { limit, used, reserved, requested },
        Reply::ObjectsFull { limit, used } => Problem::TooManyObjects { limit, used },
        Reply::UploadsFull { limit, used } => Problem::TooManyUploads { limit, used },
        Reply::BandwidthFull { limit, used, resets } => crate::ledger::refusal::bandwidth_exceeded(limit, used, resets, now),
        _ => Problem::Internal,
    }
}
