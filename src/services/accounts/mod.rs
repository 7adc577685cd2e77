//! Accounts: provisioning and queries.

pub mod authenticate;
pub mod browser_session;
pub mod change;
pub mod deletion;
pub mod figures;
pub mod find;
pub mod keys;
pub mod list;
pub mod moving;
pub mod provision;
pub mod statement;
pub mod tiers;
