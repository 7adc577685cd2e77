//! Steering: where a client should send its parts.

mod arc;
pub mod assign;
pub mod draw;
pub mod edge;
pub mod estimate;
pub mod geo;
pub mod metrics;
pub mod places;
pub mod request;
pub mod score;
pub mod store;

#[cfg(target_arch = "wasm32")]
pub mod hint;
#[cfg(target_arch = "wasm32")]
pub mod operators;
#[cfg(target_arch = "wasm32")]
pub mod registry;
#[cfg(target_arch = "wasm32")]
pub mod routes;
