//! A stored chunk: a range of an object with a known hash.

use serde::{Deserialize, Serialize};

use crate::base::sha256::Sha256Hex;

/// A stored chunk: one row of [`crate::dedup::repository::find_chunks`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stored {
    /// Its hash.
    pub sha256: Sha256Hex,
    /// Its length.
    pub size: u64,
    /// The object it is in.
    pub s3_key: String,
    /// Where in it.
    pub first: u64,
}

/// A chunk of a finished object, as it is written to D1.
#[derive(Debug, Serialize)]
pub struct Chunk<'a> {
    /// Its hash.
    pub h: &'a Sha256Hex,
    /// Its length.
    pub s: u64,
    /// Where it begins.
    pub f: u64,
}

/// The most chunks that are written at once: a tenth of what D1 takes as one text (Workers documentation, "D1 limits").
pub const MAX_WRITTEN: usize = 2_000;
