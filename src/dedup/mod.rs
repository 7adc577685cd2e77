//! Deduplication: bytes are stored once per namespace, sent once, and trusted only once somebody looked at them (SPEC section 5).

pub mod chunks;
pub mod duplicate;
pub mod possession;
pub mod store;

#[cfg(target_arch = "wasm32")]
pub mod collect;
#[cfg(target_arch = "wasm32")]
pub mod copy;
#[cfg(target_arch = "wasm32")]
pub mod reference;
#[cfg(target_arch = "wasm32")]
pub mod routes;
#[cfg(target_arch = "wasm32")]
pub mod verify;
