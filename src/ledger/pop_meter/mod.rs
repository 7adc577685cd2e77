//! The meter of a PoP: adds up what the isolates of one data centre count for each account, and tells the accounts' ledgers every ten seconds. A ledger then has one
//! message per PoP and ten seconds, however many isolates serve an account's content.

pub mod message;
pub mod schema;
pub mod shard;
pub mod tally;
