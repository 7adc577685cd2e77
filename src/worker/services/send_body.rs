//! Sends a body of an object or part to the store: streamed, and kept meanwhile if it is small, so that an attempt that the store, or a gateway on the way, loses is
//! repeated without the client.

use std::time::Duration;

use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::base::body_pace::longest_ms;
use crate::base::memory_budget::{MemoryPermit, Pool};
use crate::base::sha256::Sha256Hex;
use crate::problem::Problem;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::uploads::retry::{ATTEMPTS, retry_delay_ms};
use crate::worker::http::call::{Call, Routed};
use crate::worker::platform::client_body::ClientBody;
use crate::worker::platform::kept_body::{STALL_MS, Sent, send_and_keep};
use crate::worker::platform::origin::{Answer, BUFFERED_PART_MS, Body};
use crate::worker::platform::{clock, js, origin, random, read_body};
use crate::worker::services::uploads::payload_hash_probe;

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
pub enum Outgoing {
    /// No bytes.
    Empty,
    /// A client's stream of at least one byte.
    Stream(ReadableStream),
    /// Bytes in memory, with a permit that whoever sends them holds.
    Buffer(JsValue),
}

/// Sends any body of `size` bytes; see [`send`].
///
/// # Errors
/// As [`send`].
pub async fn send_any(
    call: &Routed,
    action: &Action,
    body: Outgoing,
    size: u64,
    declared: Option<&Sha256Hex>,
) -> Result<Result<Answer, Refused>, Problem> {
    match body {
        Outgoing::Stream(stream) => send(call, action, stream, size, declared).await,
        // Without bytes there is nothing to hold.
        Outgoing::Empty => send_buffer(call, action, js_sys::ArrayBuffer::new(0).into()).await,
        Outgoing::Buffer(buffer) => send_buffer(call, action, buffer).await,
    }
}

/// Sends `stream`, of `size` bytes (at least one), as `action`; `declared` is the hash that the client says it has. The inner error is the store's.
///
/// # Errors
/// [`Problem::Malformed`] if the body was truncated; where the store does not verify hashes, [`Problem::ChunkHashMismatch`], [`Problem::BodyTooSlow`].
pub async fn send(
    call: &Routed,
    action: &Action,
    stream: ReadableStream,
    size: u64,
    declared: Option<&Sha256Hex>,
) -> Result<Result<Answer, Refused>, Problem> {
    let hold_ms = longest_ms(size).saturating_add(SENDING_MS);
    let reserve = || MemoryPermit::reserve(Pool::Bodies, call.owner.get(), size, hold_ms, clock::now());
    let Some(permit) = (size <= call.config.replay_max_bytes).then(reserve).flatten() else {
        let body = ClientBody::new(stream, size).map_err(|_| Call::lost())?;
        return Ok(origin::send(&call.config, action, Body::Client(body)).await.map_err(Refused::from));
    };
    if let Some(declared) = declared
        && payload_hash_probe::known(&call.env).await == Some(false)
    {
        return send_hashed(call, action, stream, size, declared, permit).await;
    }
    let first = async |rest: ReadableStream| origin::send(&call.config, action, Body::Raw(rest.into())).await;
    let is_final = |sent: &Result<Answer, StoreError>| sent.as_ref().err().is_none_or(|error| !error.is_transient());
    let sent = send_and_keep(stream, size, permit, BUFFERED_PART_MS, first, is_final).await.map_err(|_| Call::lost())?;
    match sent {
        Sent::Lost => Err(Call::lost()),
        Sent::Answered(Ok(answer), _) => Ok(Ok(answer)),
        Sent::Answered(Err(error), None) => Ok(Err(error.into())),
        Sent::Answered(Err(error), Some(kept)) => repeat(call, action, kept.buffer.clone(), error.into()).await,
        Sent::Silent(kept) => repeat(call, action, kept.buffer.clone(), StoreError::timeout().into()).await,
    }
}

/// Where the store does not verify payload hashes the runtime does, before the store sees a byte.
async fn send_hashed(
    call: &Routed,
    action: &Action,
    stream: ReadableStream,
    size: u64,
    declared: &Sha256Hex,
    _permit: MemoryPermit,
) -> Result<Result<Answer, Refused>, Problem> {
    let read_body::Body::Whole(buffer) = read_body::read(stream, size).await.map_err(|_| Call::lost())? else {
        return Err(Problem::BodyTooSlow);
    };
    if js::sha256(&buffer).await.as_deref() != Some(declared.as_str()) {
        return Err(Problem::ChunkHashMismatch);
    }
    send_buffer(call, action, buffer).await
}

async fn send_buffer(call: &Routed, action: &Action, buffer: JsValue) -> Result<Result<Answer, Refused>, Problem> {
    match origin::send(&call.config, action, Body::Buffered(buffer.clone())).await {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => repeat(call, action, buffer, error.into()).await,
    }
}

/// Repeats what failed with `refused`, if that may pass.
async fn repeat(call: &Routed, action: &Action, buffer: JsValue, mut refused: Refused) -> Result<Result<Answer, Refused>, Problem> {
    let mut attempt = 1;
    loop {
        let [jitter] = random::bytes()?;
        let Some(wait) = retry_delay_ms(attempt, &refused.error, jitter) else { return Ok(Err(refused)) };
        let _ = origin::problem("a body, to be sent again", &refused.error);
        worker::Delay::from(Duration::from_millis(wait)).await;
        attempt += 1;
        match origin::send(&call.config, action, Body::Buffered(buffer.clone())).await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) => refused = Refused { may_be_stored: refused.may_be_stored | error.may_have_stored(), error },
        }
    }
}
