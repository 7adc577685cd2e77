//! Accounts: who calls, what their tier allows, and what they used of it.

pub mod account;
pub mod browser_session;
pub mod deletion;
pub mod directory;
pub mod moving;
pub mod overview;
pub mod provisioning;
pub mod quota;
pub mod repository;
pub mod statement;
pub mod tier;
