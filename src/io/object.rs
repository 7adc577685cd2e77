//! Durable Objects: how they are called, and what they have.

use crate::base::sql::Arg;
use crate::problem::Problem;

/// The classes of Durable Objects that services call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `UploadSession`, named by the session.
    Session,
    /// `AccountLedger`, named by the account.
    Ledger,
    /// `LiveFeed`, named by the account.
    Live,
    /// `PopMeter`, named by PoP and shard.
    Meter,
}

/// A message that may not have been handled.
#[derive(Debug, Clone, Copy)]
pub struct Undelivered {
    /// Whether it certainly was not: the object was overloaded and refuses before it begins (Durable Objects documentation, "Error handling").
    pub was_refused: bool,
    /// Whether the platform says that the same message may be delivered when it is sent again, as after a deployment.
    pub may_pass: bool,
}

/// What a Durable Object has of its own: its name, its SQLite and one alarm. Statements are synchronous, so that a message is applied within one turn.
#[allow(async_fn_in_trait)] // Dispatched statically, on one thread.
pub trait ObjectState {
    /// The name by which it is called.
    fn name(&self) -> Option<String>;

    /// Runs a statement; the rows as a JSON array of objects.
    ///
    /// # Errors
    /// Of SQLite, logged.
    fn sql(&self, statement: &str, args: Vec<Arg>) -> Result<String, Problem>;

    /// Sets the object's alarm, of which it has one, in `ms`. Billed as a row written (Durable Objects documentation, "Pricing").
    ///
    /// # Errors
    /// Of the storage, logged.
    async fn set_alarm(&self, ms: u64) -> Result<(), Problem>;

    /// Deletes everything that is stored.
    ///
    /// # Errors
    /// Of the storage, logged.
    async fn delete_all(&self) -> Result<(), Problem>;
}
