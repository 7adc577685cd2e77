//! Accounts: who calls, what their tier allows, and what they used of it.

pub mod account;
pub mod directory;
pub mod moving;
pub mod provisioning;
pub mod quota;
pub mod repository;
pub mod tier;
