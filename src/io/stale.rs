//! What an isolate and its PoP remember, and have to forget after a change: immediately in the isolate, within 1 s in the data centre, and within a minute
//! globally (docs/delivery.md, Invalidation).

use crate::base::id::{Id, Name};

/// What has changed.
#[derive(Debug, Clone, Copy)]
pub enum Stale<'a> {
    /// An account's row.
    Account(Id),
    /// All accounts: a tier.
    Accounts,
    /// An account's limits, as the PoP's meter knows them.
    Limits(Id),
    /// A file.
    File(&'a Name, Id),
    /// A file of a video: namespace, video, path.
    VideoFile(&'a Name, &'a Name, &'a str),
    /// All files of a video: namespace and video.
    Video(&'a Name, &'a Name),
    /// A namespace with all that is in it.
    Namespace(&'a Name),
}
