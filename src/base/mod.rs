//! Basic types: values with a unit or a format, and utilities without I/O. Imports no other module of this crate.

pub mod account_move;
pub mod aead;
pub mod backoff;
pub mod body_pace;
pub mod histogram;
pub mod hmac;
pub mod id;
pub mod json;
pub mod memory_budget;
pub mod percent;
#[cfg(feature = "schema")]
pub mod schema;
pub mod sha256;
pub mod shard;
pub mod sql;
pub mod structs;
pub mod time;
pub mod trace_context;
pub mod traced;
pub mod ttl_map;
pub mod unicode;
pub mod units;
