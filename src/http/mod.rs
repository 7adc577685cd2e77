//! HTTP: what comes in is routed, authenticated and parsed here; what goes out gets its common headers here.

pub mod cors;
pub mod json;
pub mod page;
pub mod proof;
pub mod router;

#[cfg(target_arch = "wasm32")]
pub mod auth;
#[cfg(target_arch = "wasm32")]
pub mod call;
#[cfg(target_arch = "wasm32")]
pub mod health;
#[cfg(target_arch = "wasm32")]
pub mod reply;
#[cfg(target_arch = "wasm32")]
pub mod serve;
