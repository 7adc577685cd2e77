//! Assets: the files a user sees, each a name for an object in the store.

pub mod asset;
pub mod store;

#[cfg(target_arch = "wasm32")]
pub mod routes;
