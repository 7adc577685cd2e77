//! The routes. A handler parses the request, calls services and builds the response; only [`crate::worker::dispatch`] calls handlers.

pub mod accounts;
pub mod alerts;
pub mod analytics;
pub mod content;
pub mod dedup;
pub mod edge_admin;
pub mod edges;
pub mod files;
pub mod gateway;
pub mod health;
pub mod jobs;
pub mod live;
pub mod metrics;
pub mod namespaces;
pub mod pages;
pub mod paths;
pub mod playback;
pub mod problems;
pub mod receipts;
pub mod response_cache;
pub mod uploads;
pub mod video;
pub mod warm_chunk;
pub mod webhook_echo;
pub mod webhooks;
