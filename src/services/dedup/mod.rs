//! Deduplication: references, possession, verification, collection.

pub mod collect;
pub mod possession;
pub mod reference;
pub mod verify;
