//! Client of a PoP's meter (Durable Object `PopMeter`).

use crate::base::id::Id;
use crate::clients::objects;
use crate::io::Io;
use crate::io::object::Kind;
use crate::ledger::message::UsageSnapshot;
use crate::ledger::pop_meter::message::{Message, Reply};
use crate::ledger::pop_meter::shard::object_name;
use crate::problem::Problem;

/// Sends `message` to the meter of `account`, one of the accounts in it, at the PoP `colo`. What it counts is durable when the reply arrives.
///
/// # Errors
/// [`Problem::Internal`] if the meter is unreachable; whether it has counted is then unknown.
pub async fn send(io: &impl Io, colo: &str, account: Id, message: &Message) -> Result<Vec<(Id, UsageSnapshot)>, Problem> {
    let reply: Option<Reply> =
        objects::send(io, Kind::Meter, &object_name(colo, account), message, matches!(message, Message::Ask { .. } | Message::Renew { .. })).await?;
    Ok(reply.map(|reply| reply.usage).unwrap_or_default())
}
