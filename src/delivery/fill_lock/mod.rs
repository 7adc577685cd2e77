//! The fill lock: of all requests that miss the same slice at one PoP, one reads the store and the others wait for it.
//!
//! Within an isolate the lock is a map of plain data; between the isolates of a PoP it is a Durable Object, of which each PoP has several. Nothing is
//! persisted: an object that is lost costs one more read of the store.

pub mod message;
pub mod shard;
pub mod table;
