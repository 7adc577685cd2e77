//! Steering: where a client should send its parts.

pub mod edge;
pub mod geo;

#[cfg(target_arch = "wasm32")]
pub mod hint;
#[cfg(target_arch = "wasm32")]
pub mod routes;
