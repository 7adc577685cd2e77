//! JettySpeed edge: uploads to the nearest PoP into S3-compatible storage, and back out of cache. One Cloudflare Worker.
//!
//! The modules in their order: a file imports only from modules above its own (`tests/architecture.rs` holds the list).
//! ARCHITECTURE.md says what each is for and why. Everything but `worker` compiles and is tested natively.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::todo, clippy::unimplemented))]

pub mod base;
pub mod problem;
pub mod s3;

pub mod http;
pub mod jobs;

pub mod auth;
pub mod log;

pub mod sentry;

pub mod idempotency;

pub mod chunking;
pub mod files;
pub mod namespaces;

pub mod edges;
pub mod ledger;

pub mod accounts;
pub mod delivery;
pub mod gateway;

pub mod response_cache;

pub mod dedup;
pub mod receipts;
pub mod video;

pub mod uploads;

pub mod resumable;
pub mod webhooks;

pub mod analytics;

pub mod alerts;
pub mod live;

pub mod health;

pub mod config;

pub mod access;

pub mod io;

pub mod clients;
pub mod services;

pub mod objects;

#[cfg(target_arch = "wasm32")]
pub mod worker;
