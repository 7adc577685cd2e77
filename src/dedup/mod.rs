//! Deduplication: bytes are stored once per namespace, sent once, and trusted only once somebody looked at them (SPEC section 5).

pub mod chunk;
pub mod lookup;
pub mod possession;
pub mod repository;
