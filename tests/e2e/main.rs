//! End to end: the client library and plain HTTP against the Worker in a real workerd and a real S3 store, with a proxy between Worker and store that counts
//! requests and injects faults. There is one file or folder per resource; `harness` has what all tests use.
//!
//! A new test, in the file of its resource:
//!
//! ```ignore
//! #[tokio::test]
//! async fn download_of_own_file_returns_200() {
//!     let stack = stack().await;
//!     let asset = stack.asset(&stack.dev).bytes("hello").store().await;
//!     assert_eq!(stack.get(&stack.dev, &format!("/api/storage/download?assetId={}", asset["id"].as_str().unwrap())).await.0, 200);
//! }
//! ```
//!
//! `stack()` is shared by all tests: make your own account in it (`stack.account("user").tier("pro").create()`) if you count something. A test that breaks the
//! store, restarts the Worker or needs other vars starts its own: `Stack::start(&[("SESSION_TTL_SECONDS", "4")])`. What happens by itself a little later is
//! waited for with `eventually`. A test's name says input and result.
//!
//! `script/test` runs everything. One test, or those of one file:
//!
//! ```sh
//! script/test e2e download_of_own_file_returns_200
//! script/test e2e uploads::parts
//! ```
#![allow(clippy::disallowed_methods)]

mod accounts;
mod analytics;
mod command;
mod costs;
mod database;
mod dedup;
mod delivery;
mod dialects;
mod edges;
mod faults;
mod files;
mod gateway;
mod harness;
mod idempotency;
mod isolation;
mod jobs;
mod limits;
mod malformed;
mod memory;
mod misconfigured;
mod namespaces;
mod notices;
mod observed;
mod panics;
mod possession;
#[path = "../prometheus/mod.rs"]
mod prometheus;
mod quota;
mod response_cache;
mod resumable;
mod s3;
mod service;
mod uploads;
mod vars;
mod verification;
mod video;
mod webhooks;
