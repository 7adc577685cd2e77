//! What is billed for each action. [`counts`] reads it from the Worker's debug log, [`prices`] has the price list, [`data`] the committed figures of both and
//! of CPU time, [`document`] makes docs/costs.md of them.
//!
//! tests/e2e/costs/ compares its counts with the committed ones, and a test of this crate the document with what [`document`] makes: log, data and document
//! cannot differ.

// The lint is for code that may run in wasm; this crate is native.
#![allow(clippy::disallowed_methods)]

pub mod counts;
pub mod data;
pub mod document;
pub mod prices;

use std::path::PathBuf;

/// Errors are shown to whoever runs the program.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
