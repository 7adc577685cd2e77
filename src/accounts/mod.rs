//! Accounts: who calls, and what their tier and namespaces allow.

pub mod access;
pub mod keys;
pub mod store;

#[cfg(target_arch = "wasm32")]
pub mod lookup;
