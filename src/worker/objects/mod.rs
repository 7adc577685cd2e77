//! Durable Object shells: load the state, apply a message, write the effects. The decisions are made in native modules.

pub mod account_ledger;
pub mod edge_metrics;
pub mod fill_lock;
pub mod gauge_storage;
pub mod ledger_checks;
pub mod ledger_memory;
pub mod ledger_opening;
pub mod ledger_storage;
pub mod meter_ledgers;
pub mod meter_storage;
pub mod pop_meter;
pub mod session_storage;
pub mod upload_session;
