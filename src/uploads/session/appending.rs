//! What an upload has beyond its parts once bytes were appended to it.

use serde::{Deserialize, Serialize};

use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;

/// Most fragments of one part; more are joined to one.
pub const MAX_FRAGMENTS: usize = 64;

/// Most keys of fragments that are noted for deletion.
const MAX_STALE: usize = 512;

/// What an upload has beyond its parts once bytes were appended to it. Persisted as JSON in [`Meta`].
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appending {
    /// `Upload-Metadata` as it came, for its echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// `Upload-Concat` as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concat: Option<String>,
    /// The final upload that this partial one belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Id>,
    /// Whether the upload's length is not known yet: `file_size` is the most that it may have.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deferred: bool,
    /// The lease of the append that is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<AppendLease>,
    /// The part that the fragments belong to.
    #[serde(default)]
    pub part: u16,
    /// The beginning of that part, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parked: Vec<Fragment>,
    /// Fragments that may exist at the store and are not needed any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<Id>,
}

/// The right to append, held by one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendLease {
    /// The request.
    pub id: Id,
    /// Until when no other may begin unless it takes over.
    pub until: EpochMs,
}

/// Bytes that do not fill a part yet: an object under [`fragment_key`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// Names the object.
    pub id: Id,
    /// Size, bytes.
    pub size: u64,
    /// SHA-256, which the store has verified.
    pub sha256: Sha256Hex,
}

/// The key of a fragment of the upload with that key.
pub fn fragment_key(key: &str, fragment: Id) -> String {
    format!("{key}.tail.{fragment}")
}

impl Appending {
    /// Whether it is a partial upload of tus, which becomes no file by itself.
    pub fn is_partial(&self) -> bool {
        self.concat.as_deref() == Some("partial")
    }

    /// Whether it is concatenated from partial ones.
    pub fn is_final(&self) -> bool {
        self.concat.as_deref().is_some_and(|concat| concat.starts_with("final"))
    }

    /// Bytes of all fragments.
    pub(super) fn parked_bytes(&self) -> u64 {
        self.parked.iter().map(|fragment| fragment.size).sum()
    }

    /// Notes fragments for deletion.
    pub(super) fn discard(&mut self, fragments: impl Iterator<Item = Id>) {
        self.stale.extend(fragments);
        let over = self.stale.len().saturating_sub(MAX_STALE);
        self.stale.drain(..over);
    }
}
