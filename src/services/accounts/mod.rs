//! Accounts: provisioning and queries.

pub mod change;
pub mod find;
pub mod moving;
pub mod provision;
pub mod tiers;
