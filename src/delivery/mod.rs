//! Delivery: the bytes of an asset, and the headers they go with.

pub mod content;
pub mod disposition;
pub mod media_type;
pub mod path_token;
pub mod range;

#[cfg(target_arch = "wasm32")]
mod meter;
#[cfg(target_arch = "wasm32")]
pub mod routes;
