//! Accounts: who calls, what their tier allows, and what they used of it.

pub mod access;
pub mod keys;
pub mod ledger;
pub mod money;
pub mod pace;
pub mod provision;
pub mod quota;
pub mod store;
pub mod tier;
pub mod vault;
pub mod webhook;

#[cfg(target_arch = "wasm32")]
pub mod guard;
#[cfg(target_arch = "wasm32")]
pub mod lookup;
#[cfg(target_arch = "wasm32")]
pub mod routes;
