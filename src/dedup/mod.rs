//! Deduplication: bytes are stored once per namespace, sent once, and matched only after a job has verified their hash (docs/uploads.md, Deduplication).

pub mod chunk;
pub mod hashing;
pub mod lookup;
pub mod possession;
pub mod repository;
pub mod verification;
