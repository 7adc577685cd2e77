//! Operations at the store, and what their failures mean for the caller.

use crate::config::Config;
use crate::delivery::response_headers::is_encoded;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::io::{BodyOf, Io, Sending};
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::s3::action::Action;
use crate::s3::error::StoreError;
use crate::s3::operations::{delete_object, get_object, head_object};

/// Timeout of a request that sends no part, ms. For an object's bytes: of the response head.
pub const RESPONSE_TIMEOUT_MS: u32 = 30_000;

/// Timeout of a buffered part, ms: 12 MB in a minute are 200 KB/s.
pub const BUFFERED_PART_MS: u32 = 60_000;

/// Timeout of CompleteMultipartUpload, ms. With thousands of parts it may take minutes (S3 API reference); the origin then continues after the timeout, and the
/// client's next call finds the object.
pub const COMPLETION_TIMEOUT_MS: u32 = 60_000;

/// Timeout of a request that only finds out what another one's lost answer was, ms: its client waits.
pub const ASK_TIMEOUT_MS: u32 = 5_000;

/// Signs and sends `action`. Err for a status of 300 or above and for no response.
///
/// # Errors
/// The store's.
pub async fn send<I: Io>(io: &I, config: &Config, action: &Action, body: BodyOf<I>) -> Result<I::Answer, StoreError> {
    let timeout_ms = if matches!(body, Body::Buffered(_)) { BUFFERED_PART_MS } else { RESPONSE_TIMEOUT_MS };
    send_within(io, config, action, body, timeout_ms).await
}

/// [`send`] with a timeout for the whole response; for an object's bytes, for its head only.
///
/// # Errors
/// The store's.
pub async fn send_within<I: Io>(io: &I, config: &Config, action: &Action, body: BodyOf<I>, timeout_ms: u32) -> Result<I::Answer, StoreError> {
    io.exchange(&config.store, action, body, Sending { timeout_ms, presigned_for: None }).await
}

/// The text of the answer to a request without a body, which is sent once more if the connection broke before all of it was there: a store may close an idle one
/// just as it is used. For what may be done twice.
///
/// # Errors
/// The store's.
pub async fn text_of<I: Io>(io: &I, config: &Config, action: &Action) -> Result<String, StoreError> {
    let mut again = true;
    // One place that sends: two would be two copies of it in the module.
    loop {
        let answer = match send(io, config, action, Body::Empty).await {
            Ok(answer) => answer.text().await,
            Err(error) => Err(error),
        };
        match answer {
            Err(error) if error.is_broken_off() && std::mem::take(&mut again) => {}
            answer => return answer,
        }
    }
}

/// Sends `action` as whoever holds a presigned URL for it does.
///
/// # Errors
/// The store's.
pub async fn send_presigned<I: Io>(io: &I, config: &Config, action: &Action, seconds: u64, body: BodyOf<I>) -> Result<I::Answer, StoreError> {
    io.exchange(&config.store, action, body, Sending { timeout_ms: RESPONSE_TIMEOUT_MS, presigned_for: Some(seconds) }).await
}

/// Deletes an object. Succeeds if the store says that it does not exist: a 404 without that code may come from a gateway, behind which the object still is.
///
/// # Errors
/// 502, 503, 504 from the origin.
pub async fn delete(io: &impl Io, config: &Config, key: &str) -> Result<(), Problem> {
    match send(io, config, &delete_object::delete_object(key), Body::Empty).await {
        Ok(answer) => answer.discard(),
        Err(error) if error.code == "NoSuchKey" => {}
        Err(error) => return Err(problem("DeleteObject", &error)),
    }
    Ok(())
}

/// GetObject, whole or bytes `first..=last`, of an object of `size` bytes, as it was stored. What was compressed on the way, whatever the request accepts (the
/// platform may overwrite `Accept-Encoding`), is fetched again as a range, which is left alone. `kept`: see [`Action::kept`].
///
/// # Errors
/// As [`send`].
pub async fn get<I: Io>(
    io: &I,
    config: &Config,
    key: &str,
    size: u64,
    range: Option<(u64, u64)>,
    kept: Option<String>,
) -> Result<I::Answer, StoreError> {
    let action = Action { kept, ..get_object::get_object(key, range) };
    let answer = send(io, config, &action, Body::Empty).await?;
    if range.is_some() || !is_encoded(answer.header("content-encoding").as_deref()) {
        return Ok(answer);
    }
    answer.discard();
    send(io, config, &get_object::get_object(key, Some((0, size.saturating_sub(1)))), Body::Empty).await
}

/// Whether the store answers for the object at all: `Ok` also if it has none.
///
/// # Errors
/// Errors of the store.
pub async fn ask(io: &impl Io, config: &Config, key: &str) -> Result<(), StoreError> {
    match send_within(io, config, &head_object::head_object(key), Body::Empty, ASK_TIMEOUT_MS).await {
        Err(error) if error.status != 404 => Err(error),
        _ => Ok(()),
    }
}

/// Logs an origin error and returns the problem for the caller.
pub fn problem(what: &str, error: &StoreError) -> Problem {
    log::event(LogLevel::Warn, "origin", serde_json::json!({ "action": what, "status": error.status, "code": error.code, "message": error.message }));
    Problem::Origin(error.failure())
}

/// As [`problem`], for a request with the caller's bytes: a hash mismatch is the caller's error and is not logged.
pub fn problem_of_bytes(what: &str, error: &StoreError) -> Problem {
    if error.is_hash_mismatch() { Problem::ChunkHashMismatch } else { problem(what, error) }
}

/// As [`problem_of_bytes`], after `asked`, an answer of the store to a request without a body, if the first answer did not tell its reason.
pub fn problem_after_asking(what: &str, error: &StoreError, asked: &Result<(), StoreError>) -> Problem {
    match problem_of_bytes(what, error) {
        Problem::Origin(_) => Problem::Origin(error.failure_after_asking(asked)),
        problem => problem,
    }
}
