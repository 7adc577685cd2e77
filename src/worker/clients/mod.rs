//! Clients of the Durable Objects: one typed function per message.

pub mod ledger;
pub mod ledger_records;
pub mod pop_meter;
pub mod session;
