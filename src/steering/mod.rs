//! Steering: where a client should send its parts.

pub mod assign;
pub mod draw;
pub mod edge;
pub mod estimate;
pub mod geo;
pub mod metrics;
pub mod places;
pub mod score;

#[cfg(target_arch = "wasm32")]
pub mod hint;
#[cfg(target_arch = "wasm32")]
pub mod routes;
