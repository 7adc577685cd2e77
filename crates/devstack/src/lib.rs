//! The local stack: a real S3 store that verifies signatures and hashes, a real workerd, seeds, and a proxy that counts requests and
//! injects faults between Worker and store. `script/server`, the end-to-end tests and the benchmarks start it through this crate.

// The lint is for code that may run in wasm; this crate is native.
#![allow(clippy::disallowed_methods)]

pub mod bucket;
pub mod child;
pub mod credentials;
pub mod link;
pub mod net;
pub mod origin;
pub mod proxy;
pub mod secrets;
pub mod seed;
pub mod state;
pub mod usage;
pub mod watch;
pub mod worker;
pub mod zone;

/// An error while starting or stopping something, worded for the user at the terminal.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The repository's root.
pub fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_else(|_| ".".into())
}
