//! Sends one part to the store: streamed, or buffered so that it can be repeated.

use std::time::Duration;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::base::memory_budget::MemoryPermit;
use crate::problem::Problem;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::uploads::part::Admitted;
use crate::uploads::retry::retry_delay_ms;
use crate::worker::http::call::Routed;
use crate::worker::platform::origin::{Answer, Body};
use crate::worker::platform::{clock, js, origin, random};
use crate::worker::services::uploads::payload_hash_probe;

/// Sends the request's body as `action`. The inner error is the store's last response.
///
/// # Errors
/// [`Problem::Malformed`] if the body was truncated, [`Problem::ChunkHashMismatch`] if its hash is not the declared one.
pub async fn send(call: &Routed, action: &Action, part: &Admitted) -> Result<Result<Answer, StoreError>, Problem> {
    // A part has at least one byte, so a missing body was lost on the way.
    let lost = || Problem::Malformed { detail: "The body did not arrive whole.".to_owned() };
    let Some(_held) = MemoryPermit::reserve(part.size, call.config.replay_max_bytes, clock::now()) else {
        let stream = call.request.body().ok_or_else(lost)?;
        return Ok(origin::send(&call.config, action, Body::Raw(stream.into())).await);
    };
    let buffer: JsValue = JsFuture::from(call.request.array_buffer().map_err(|_| lost())?).await.map_err(|_| lost())?;
    if js::byte_length(&buffer) != Some(part.size) {
        return Err(lost());
    }
    // The store does not verify payload hashes: the runtime hashes the buffered part.
    if let Some(claimed) = &part.sha256
        && payload_hash_probe::known(&call.env).await == Some(false)
        && js::sha256(&buffer).await.as_deref() != Some(claimed.as_str())
    {
        return Err(Problem::ChunkHashMismatch);
    }
    let mut attempt = 1;
    loop {
        let error = match origin::send(&call.config, action, Body::Buffered(buffer.clone())).await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) => error,
        };
        let [jitter] = random::bytes()?;
        let Some(wait) = retry_delay_ms(attempt, &error, jitter) else { return Ok(Err(error)) };
        let _ = origin::problem("UploadPart, to be repeated", &error);
        worker::Delay::from(Duration::from_millis(wait)).await;
        attempt += 1;
    }
}
