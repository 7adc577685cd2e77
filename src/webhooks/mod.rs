//! Outgoing webhooks (docs/api.md, "Webhooks"): what an endpoint is, which events there are, how they are signed, and when they are sent again.

pub mod data;
pub mod delivery;
pub mod endpoint;
pub mod event;
pub mod repository;
pub mod retry;
pub mod secret;
pub mod target;
