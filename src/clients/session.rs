//! Client of an upload session (Durable Object `UploadSession`).

use crate::base::id::Id;
use crate::clients::objects;
use crate::edges::geo::GeoHint;
use crate::io::Io;
use crate::io::object::Kind;
use crate::problem::Problem;
use crate::uploads::session::message::{Message, SessionReply};

/// Sends `message` to the session. The change is durable when the reply arrives. Every message is idempotent.
///
/// # Errors
/// [`Problem::Internal`] if the object is unreachable.
pub async fn send(io: &impl Io, session: Id, message: &Message) -> Result<SessionReply, Problem> {
    let reply = objects::send(io, Kind::Session, &session.to_string(), message, true).await?;
    Ok(reply.unwrap_or(SessionReply::Done))
}

/// As [`send`], for the message that creates the session, near its uploader.
///
/// # Errors
/// As [`send`].
pub async fn send_near(io: &impl Io, session: Id, uploader: &GeoHint, message: &Message) -> Result<SessionReply, Problem> {
    let reply = objects::send_near(io, Kind::Session, &session.to_string(), uploader.location_hint(), message, true).await?;
    Ok(reply.unwrap_or(SessionReply::Done))
}
