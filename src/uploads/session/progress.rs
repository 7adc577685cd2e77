//! What the holder of an append lease tells its session.

use serde::{Deserialize, Serialize};

use crate::base::id::Id;
use crate::uploads::session::appending::Fragment;
use crate::uploads::session::state::Part;

/// A change by the holder of the lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The store has this part, which begins with the fragments.
    Part(Part),
    /// The store has this fragment, behind the others; or instead of them, if they were joined.
    Park {
        /// The fragment.
        fragment: Fragment,
        /// The part that it belongs to.
        part: u16,
        /// Whether it holds the bytes of all earlier ones.
        joined: bool,
    },
}

/// What the holder of the lease tells.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// A fragment that is about to be stored: noted first, so that it is deleted whatever happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Id>,
    /// All or none are recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Stale fragments that were deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<Id>,
    /// Whether the append ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends: bool,
}
