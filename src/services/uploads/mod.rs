//! Uploads: start, parts, completion, abort, recovery, sweep.

pub mod abort;
pub mod append;
pub mod bucket_owner;
pub mod complete;
pub mod copy_chunks;
pub mod direct;
pub mod fail;
pub mod list_parts;
pub mod look_up;
pub mod membership;
pub mod part;
pub mod part_refused;
pub mod payload_hash_probe;
pub mod presigned_hash_probe;
pub mod progress;
pub mod recover;
pub mod refused;
pub mod rights;
pub mod simple;
pub mod start;
pub mod store_facts;
pub mod suspend;
pub mod sweep;
pub mod upload_gone;
