//! Accounts: provisioning and queries.

pub mod find;
pub mod provision;
