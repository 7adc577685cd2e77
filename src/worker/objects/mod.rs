//! Durable Object shells: pass messages and alarms on to [`crate::objects`], or, of the two that keep only statistics and locks, handle them.

pub mod account_ledger;
pub mod edge_metrics;
pub mod fill_lock;
pub mod gauge_storage;
pub mod live_feed;
pub mod live_sockets;
pub mod live_streams;
pub mod pop_meter;
pub mod upload_session;
