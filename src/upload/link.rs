//! The way to a session's Durable Object.

use worker::Env;

use super::session::{Message, Reply};
use crate::ids::Id;
use crate::platform::{bindings, objects};
use crate::problem::Problem;

/// Says `message` to the session and waits for its answer, which is durable by then. Saying any of them twice is saying it once.
///
/// # Errors
/// [`Problem::Internal`] if the object cannot be reached.
pub async fn tell(env: &Env, session: Id, message: &Message) -> Result<Reply, Problem> {
    let reply = objects::tell(&bindings::sessions(env)?, &session.to_string(), message, true).await?;
    Ok(reply.unwrap_or(Reply::Done))
}
