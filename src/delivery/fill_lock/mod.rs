//! The fill lock: of all requests that miss the same slice at one PoP, one reads the store and the others wait for it.
//!
//! Within an isolate the lock is a map of plain data; between the isolates of a PoP it is a Durable Object, 4 per PoP. Nothing is persisted: an object
//! that is evicted costs one more read of the origin (docs/delivery.md, Request collapsing).

pub mod message;
pub mod shard;
pub mod table;
