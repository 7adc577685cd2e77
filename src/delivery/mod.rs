//! Delivery: the bytes of an asset, and the headers they go with.

pub mod class;
pub mod conditional;
pub mod content;
pub mod disposition;
pub mod entry;
pub mod lease;
pub mod media_type;
pub mod path_token;
pub mod range;
pub mod slices;
pub mod source;
pub mod store;

#[cfg(target_arch = "wasm32")]
pub mod cache;
#[cfg(target_arch = "wasm32")]
pub mod fill;
#[cfg(target_arch = "wasm32")]
mod joined;
#[cfg(target_arch = "wasm32")]
pub mod known;
#[cfg(target_arch = "wasm32")]
pub mod kv;
#[cfg(target_arch = "wasm32")]
pub mod meter;
#[cfg(target_arch = "wasm32")]
pub mod routes;
#[cfg(target_arch = "wasm32")]
mod send;
#[cfg(target_arch = "wasm32")]
pub mod tally;
