//! Progress events for user interfaces.

use std::path::PathBuf;
use std::sync::Arc;

/// A progress event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The plan is made: total bytes, and the bytes that are stored already.
    Planned {
        /// Bytes.
        total: u64,
        /// Bytes.
        already: u64,
        /// The session, if the file is sent in parts.
        session: Option<String>,
    },
    /// The file is hashed, to find out which bytes are stored already.
    Hashing,
    /// Bytes were sent or received.
    Moved(u64),
    /// Bytes have to be sent again.
    Lost(u64),
    /// A request is retried.
    Retrying {
        /// The cause.
        reason: String,
    },
    /// All parts are sent; the store completes the upload.
    Finishing,
    /// The file is stored; the server has yet to check its bytes.
    Verifying,
    /// Something in a folder is not sent.
    Skipped {
        /// What.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// A listener. It is called often and from many tasks, so it must return quickly.
pub type Progress = Arc<dyn Fn(Event) + Send + Sync>;

/// A listener that ignores all events.
pub fn no_progress() -> Progress {
    Arc::new(|_| {})
}
