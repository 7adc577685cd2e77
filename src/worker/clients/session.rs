//! Client of an upload session (Durable Object `UploadSession`).

use worker::Env;

use crate::base::id::Id;
use crate::edges::geo::GeoHint;
use crate::problem::Problem;
use crate::uploads::session::message::{Message, SessionReply};
use crate::worker::platform::{bindings, objects};

/// Sends `message` to the session. The change is durable when the reply arrives. Every message is idempotent.
///
/// # Errors
/// [`Problem::Internal`] if the object is unreachable.
pub async fn send(env: &Env, session: Id, message: &Message) -> Result<SessionReply, Problem> {
    let reply = objects::send(&bindings::sessions(env)?, &session.to_string(), message, true).await?;
    Ok(reply.unwrap_or(SessionReply::Done))
}

/// As [`send`], for the message that creates the session, near its uploader.
///
/// # Errors
/// As [`send`].
pub async fn send_near(env: &Env, session: Id, uploader: &GeoHint, message: &Message) -> Result<SessionReply, Problem> {
    let reply = objects::send_near(&bindings::sessions(env)?, &session.to_string(), uploader.location_hint(), message, true).await?;
    Ok(reply.unwrap_or(SessionReply::Done))
}
