//! Accounts: provisioning and look-ups.

pub mod find;
pub mod provision;
