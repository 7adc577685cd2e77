//! Progress, for whoever shows it.

use std::sync::Arc;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The plan is made: bytes in all, and how many of them are there already.
    Planned {
        /// Bytes.
        total: u64,
        /// Bytes.
        already: u64,
        /// The session, if the file goes up in parts.
        session: Option<String>,
    },
    /// The file is read, to find out what of it need not be sent.
    Hashing,
    /// Bytes went out (or came in).
    Moved(u64),
    /// Bytes will have to go again.
    Lost(u64),
    /// A request is tried again.
    Retrying {
        /// Why.
        reason: String,
    },
    /// Everything is sent; the store puts it together.
    Finishing,
}

/// A listener; called often and from many tasks, so it must be quick.
pub type Progress = Arc<dyn Fn(Event) + Send + Sync>;

/// Listens to nothing.
pub fn no_progress() -> Progress {
    Arc::new(|_| {})
}
