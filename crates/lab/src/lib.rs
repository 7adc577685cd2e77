//! The lab: client, edges and store in network namespaces of their own, joined by links with real delay, rate, loss and queues, so that what is measured on one
//! machine is what a distance makes of it. `script/lab`, `script/bench upload`, `script/bench download`.

// The lint is for code that may run in wasm; this crate is native.
#![allow(clippy::disallowed_methods)]

pub mod download;
pub mod edge;
pub mod floor;
pub mod gateway;
pub mod lab;
pub mod link;
pub mod namespace;
pub mod network;
pub mod profile;
pub mod store;
pub mod tun;
pub mod upload;
