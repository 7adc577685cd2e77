//! Sends one part to the store: streamed, or buffered so that it can be repeated.

use std::time::Duration;

use crate::base::body_pace::longest_ms;
use crate::base::memory_budget::{MemoryPermit, Pool};
use crate::problem::Problem;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::uploads::part::Admitted;
use crate::uploads::retry::{ATTEMPTS, retry_delay_ms};
use crate::worker::http::call::{Call, Routed};
use crate::worker::platform::client_body::ClientBody;
use crate::worker::platform::origin::{Answer, BUFFERED_PART_MS, Body};
use crate::worker::platform::read_body::{self, Body as Read};
use crate::worker::platform::{clock, js, origin, random};
use crate::worker::services::uploads::payload_hash_probe;

/// The longest time for which a part that has arrived is held, ms: all attempts with their waits.
const SENDING_MS: u64 = ATTEMPTS as u64 * (BUFFERED_PART_MS as u64 + 5_000);

/// The end of a part that the store did not confirm.
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

/// Sends the request's body as `action`. The inner error is the store's.
///
/// # Errors
/// [`Problem::Malformed`] if the body was truncated, [`Problem::ChunkHashMismatch`] if its hash is not the declared one.
pub async fn send(call: &Routed, action: &Action, part: &Admitted) -> Result<Result<Answer, Refused>, Problem> {
    // A part has at least one byte, so a missing body was lost on the way.
    let stream = call.request.body().ok_or_else(Call::lost)?;
    let hold_ms = longest_ms(part.size).saturating_add(SENDING_MS);
    let reserve = || MemoryPermit::reserve(Pool::Bodies, call.owner.get(), part.size, hold_ms, clock::now());
    let Some(held) = (part.size <= call.config.replay_max_bytes).then(reserve).flatten() else {
        let body = ClientBody::new(stream, part.size).map_err(|_| Call::lost())?;
        return Ok(origin::send(&call.config, action, Body::Client(body)).await.map_err(Refused::from));
    };
    let buffer = match read_body::read(stream, part.size).await.map_err(|_| Call::lost())? {
        Read::Whole(buffer) => buffer,
        // A slow client costs no memory: the part is streamed on, as larger ones are, and can not be repeated.
        Read::Slow(slow) => {
            let send = async |rest: web_sys::ReadableStream| origin::send(&call.config, action, Body::Raw(rest.into())).await;
            return slow.send_on(held, send).await.map(|sent| sent.map_err(Refused::from)).map_err(|_| Call::lost());
        }
    };
    let _held = held;
    // The store does not verify payload hashes: the runtime hashes the buffered part.
    if let Some(claimed) = &part.sha256
        && payload_hash_probe::known(&call.env).await == Some(false)
        && js::sha256(&buffer).await.as_deref() != Some(claimed.as_str())
    {
        return Err(Problem::ChunkHashMismatch);
    }
    let (mut attempt, mut may_be_stored) = (1, false);
    loop {
        let error = match origin::send(&call.config, action, Body::Buffered(buffer.clone())).await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) => error,
        };
        may_be_stored |= error.may_have_stored();
        let [jitter] = random::bytes()?;
        let Some(wait) = retry_delay_ms(attempt, &error, jitter) else { return Ok(Err(Refused { error, may_be_stored })) };
        let _ = origin::problem("UploadPart, to be repeated", &error);
        worker::Delay::from(Duration::from_millis(wait)).await;
        attempt += 1;
    }
}
