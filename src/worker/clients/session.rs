//! The way to a session's Durable Object.

use worker::Env;

use crate::base::id::Id;
use crate::problem::Problem;
use crate::uploads::session::message::{Message, SessionReply};
use crate::worker::platform::{bindings, objects};

/// Says `message` to the session and waits for its answer, which is durable by then. Saying any of them twice is saying it once.
///
/// # Errors
/// [`Problem::Internal`] if the object cannot be reached.
pub async fn send(env: &Env, session: Id, message: &Message) -> Result<SessionReply, Problem> {
    let reply = objects::send(&bindings::sessions(env)?, &session.to_string(), message, true).await?;
    Ok(reply.unwrap_or(SessionReply::Done))
}
