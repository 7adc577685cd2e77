//! Clients of databases, Durable Objects and the store, over the port ([`crate::io`]): typed statements, messages and operations.

pub mod database;
pub mod ledger;
pub mod ledger_records;
pub mod live;
pub mod objects;
pub mod pop_meter;
pub mod session;
pub mod shards;
pub mod store;
