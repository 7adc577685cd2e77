//! Client of an account's feed (Durable Object `LiveFeed`).

use crate::base::id::Id;
use crate::io::Io;
use crate::io::object::Kind;

/// Sends a message to those who listen to the account: whether anybody does. What does not reach the feed is lost.
pub async fn publish(io: &impl Io, account: Id, message: &str) -> bool {
    matches!(io.call(Kind::Live, &account.to_string(), None, message).await, Ok(Some(_)))
}

/// The same behind the answer of a request.
pub fn publish_afterwards(io: &impl Io, account: Id, message: String) {
    let held = io.clone();
    io.afterwards(async move {
        publish(&held, account, &message).await;
    });
}
