//! Chunk index: byte ranges of stored objects with a known SHA-256 (docs/uploads.md, Deduplication).

use serde::{Deserialize, Serialize};

use crate::base::sha256::Sha256Hex;

/// A chunk of the index: one row of [`crate::dedup::repository::find_chunks`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stored {
    /// SHA-256 of the chunk.
    pub sha256: Sha256Hex,
    /// Length, bytes.
    pub size: u64,
    /// Key of the object that contains it.
    pub s3_key: String,
    /// Offset of its first byte in the object.
    pub first: u64,
}

/// A chunk of a completed object, in the JSON form that D1's `json_each` reads.
#[derive(Debug, Serialize)]
pub struct Chunk<'a> {
    /// SHA-256 of the chunk.
    pub h: &'a Sha256Hex,
    /// Length, bytes.
    pub s: u64,
    /// Offset of its first byte in the object.
    pub f: u64,
}

/// Maximum number of chunks per INSERT: their JSON is a tenth of D1's maximum string size (Cloudflare D1 documentation, "Limits").
pub const MAX_WRITTEN: usize = 2_000;
