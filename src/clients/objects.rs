//! Requests to Durable Objects: one JSON message, one JSON reply.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::json;
use crate::io::Io;
use crate::io::object::{Kind, Undelivered};
use crate::log;
use crate::problem::Problem;

/// Sends `message` to the object of that name and waits for its reply; its writes are durable by then. None for a reply without a body (204).
/// A `repeatable` message is sent once more if the platform says that this may help: the object is reset at every deployment.
///
/// # Errors
/// [`Problem::Internal`] if the object cannot be reached or fails.
pub async fn send<M: Serialize, R: DeserializeOwned>(
    io: &impl Io,
    kind: Kind,
    name: &str,
    message: &M,
    repeatable: bool,
) -> Result<Option<R>, Problem> {
    send_near(io, kind, name, None, message, repeatable).await
}

/// As [`send`]; an object that this creates is placed at the location hint `near` (Cloudflare Durable Objects documentation, "Data location").
///
/// # Errors
/// As [`send`].
pub async fn send_near<M: Serialize, R: DeserializeOwned>(
    io: &impl Io,
    kind: Kind,
    name: &str,
    near: Option<&str>,
    message: &M,
    repeatable: bool,
) -> Result<Option<R>, Problem> {
    let text = json::write(message).map_err(|error| log::internal("object message", &error.to_string()))?;
    let answer = match io.call(kind, name, near, &text).await {
        Err(failure) if repeatable && failure.may_pass => io.call(kind, name, near, &text).await,
        answer => answer,
    };
    let answer = answer.map_err(|_| Problem::Internal)?;
    answer.map(|text| json::read(&text).map_err(|error| log::internal("object reply", &error.to_string()))).transpose()
}

/// As [`send`], once, for a message that must not be handled twice.
///
/// # Errors
/// [`Undelivered`], logged.
pub async fn send_once<M: Serialize, R: DeserializeOwned>(io: &impl Io, kind: Kind, name: &str, message: &M) -> Result<Option<R>, Undelivered> {
    let text = json::write(message).map_err(|_| Undelivered { was_refused: true, may_pass: false })?;
    let answer = io.call(kind, name, None, &text).await?;
    answer.map(|text| json::read(&text).map_err(|_| Undelivered { was_refused: false, may_pass: false })).transpose()
}
