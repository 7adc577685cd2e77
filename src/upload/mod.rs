//! Uploads: plan, token, session, the chunk path, completion.

pub mod backoff;
pub mod chunk;
pub mod completion;
pub mod direct;
pub mod message;
pub mod plan;
pub mod probe;
pub mod receipt;
pub mod replay;
pub mod request;
pub mod session;
pub mod simple;
pub mod sql;
pub mod store;
pub mod sweep;
pub mod token;
pub mod view;

#[cfg(target_arch = "wasm32")]
pub mod ending;
#[cfg(target_arch = "wasm32")]
pub mod link;
#[cfg(target_arch = "wasm32")]
mod listing;
#[cfg(target_arch = "wasm32")]
mod object;
#[cfg(target_arch = "wasm32")]
pub mod prober;
#[cfg(target_arch = "wasm32")]
pub mod reopening;
#[cfg(target_arch = "wasm32")]
pub mod routes;
#[cfg(target_arch = "wasm32")]
pub mod suspension;
#[cfg(target_arch = "wasm32")]
pub mod sweeper;
