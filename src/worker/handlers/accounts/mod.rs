//! Routes of accounts and tiers.

pub mod change;
pub mod moving;
pub mod provision;
pub mod quota;
pub mod tiers;
