//! Sends a body of an object or part to the store: streamed, and kept meanwhile if it is small, so that an attempt that the store, or a gateway on the way, loses is
//! repeated without the client.

use crate::base::body_pace::longest_ms;
use crate::base::memory_budget::{MemoryPermit, Pool};
use crate::base::sha256::Sha256Hex;
use crate::clients::store;
use crate::clients::store::BUFFERED_PART_MS;
use crate::io::body::{Body, Relayed, Whole};
use crate::io::{BodyOf, Io, Sending};
use crate::problem::Problem;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::services::request::{Request, lost};
use crate::services::uploads::payload_hash_probe;
use crate::uploads::retry::{ATTEMPTS, retry_delay_ms};

/// Maximum time for which the store may take nothing while bytes are kept, ms. Then the rest is only kept.
pub const STALL_MS: u32 = 60_000;

/// The longest time for which a body that has arrived is held, ms: all attempts with their waits, the first of which may stall while the body arrives.
const SENDING_MS: u64 = STALL_MS as u64 + ATTEMPTS as u64 * (BUFFERED_PART_MS as u64 + 5_000);

/// The end of a body that the store did not confirm.
pub struct Refused {
    /// The store's last answer.
    pub error: StoreError,
    /// Whether the store may have kept the bytes of any attempt.
    pub may_be_stored: bool,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        Refused { may_be_stored: error.may_have_stored(), error }
    }
}

/// A body that has not been sent.
pub enum Outgoing<I: Io> {
    /// No bytes.
    Empty,
    /// A client's stream of at least one byte.
    Stream(I::Stream),
    /// Bytes in memory, with a permit that whoever sends them holds.
    Buffer(I::Buffer),
}

/// Sends any body of `size` bytes; see [`send`].
///
/// # Errors
/// As [`send`].
pub async fn send_any<I: Io>(
    call: &Request<I>,
    action: &Action,
    body: Outgoing<I>,
    size: u64,
    declared: Option<&Sha256Hex>,
) -> Result<Result<I::Answer, Refused>, Problem> {
    match body {
        Outgoing::Stream(stream) => send(call, action, stream, size, declared).await,
        // Without bytes there is nothing to hold.
        Outgoing::Empty => send_again(call, action, || Body::Text(String::new())).await,
        Outgoing::Buffer(buffer) => send_again(call, action, || Body::Buffered(buffer.clone())).await,
    }
}

/// Sends `stream`, of `size` bytes (at least one), as `action`; `declared` is the hash that the client says it has. The inner error is the store's.
///
/// # Errors
/// [`Problem::Malformed`] if the body was truncated; where the store does not verify hashes, [`Problem::ChunkHashMismatch`], [`Problem::BodyTooSlow`].
pub async fn send<I: Io>(
    call: &Request<I>,
    action: &Action,
    stream: I::Stream,
    size: u64,
    declared: Option<&Sha256Hex>,
) -> Result<Result<I::Answer, Refused>, Problem> {
    let hold_ms = longest_ms(size).saturating_add(SENDING_MS);
    let reserve = || MemoryPermit::reserve(Pool::Bodies, call.owner, size, hold_ms, call.now());
    let Some(permit) = (size <= call.config.replay_max_bytes).then(reserve).flatten() else {
        return Ok(store::send(&call.io, &call.config, action, Body::Client(stream, size)).await.map_err(Refused::from));
    };
    if let Some(declared) = declared
        && payload_hash_probe::known(&call.io).await == Some(false)
    {
        return send_hashed(call, action, stream, size, declared, permit).await;
    }
    let sending = Sending { timeout_ms: BUFFERED_PART_MS, presigned_for: None };
    let sent = call.relay(&call.config.store, action, stream, size, permit, sending, |error| !error.is_transient()).await?;
    match sent {
        Relayed::Lost => Err(lost()),
        Relayed::Answered(answer) => Ok(Ok(answer)),
        Relayed::Refused(error, None) => Ok(Err(error.into())),
        Relayed::Refused(error, Some(kept)) => repeat(call, action, || Body::Buffered(kept.buffer.clone()), error.into()).await,
        Relayed::Silent(kept) => repeat(call, action, || Body::Buffered(kept.buffer.clone()), StoreError::timeout().into()).await,
    }
}

/// Where the store does not verify payload hashes the runtime does, before the store sees a byte.
async fn send_hashed<I: Io>(
    call: &Request<I>,
    action: &Action,
    stream: I::Stream,
    size: u64,
    declared: &Sha256Hex,
    _permit: MemoryPermit,
) -> Result<Result<I::Answer, Refused>, Problem> {
    let Whole::Buffer(buffer) = call.read_whole(stream, size).await? else {
        return Err(Problem::BodyTooSlow);
    };
    if call.sha256(&buffer).await.as_deref() != Some(declared.as_str()) {
        return Err(Problem::ChunkHashMismatch);
    }
    send_again(call, action, || Body::Buffered(buffer.clone())).await
}

async fn send_again<I: Io>(call: &Request<I>, action: &Action, body: impl Fn() -> BodyOf<I>) -> Result<Result<I::Answer, Refused>, Problem> {
    match store::send(&call.io, &call.config, action, body()).await {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => repeat(call, action, body, error.into()).await,
    }
}

/// Repeats what failed with `refused`, if that may pass.
async fn repeat<I: Io>(
    call: &Request<I>,
    action: &Action,
    body: impl Fn() -> BodyOf<I>,
    mut refused: Refused,
) -> Result<Result<I::Answer, Refused>, Problem> {
    let mut attempt = 1;
    loop {
        let [jitter] = call.random()?;
        let Some(wait) = retry_delay_ms(attempt, &refused.error, jitter) else { return Ok(Err(refused)) };
        let _ = store::problem("a body, to be sent again", &refused.error);
        call.sleep(wait).await;
        call.retried();
        attempt += 1;
        match store::send(&call.io, &call.config, action, body()).await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) => refused = Refused { may_be_stored: refused.may_be_stored | error.may_have_stored(), error },
        }
    }
}
