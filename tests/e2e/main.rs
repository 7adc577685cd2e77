//! End to end: the client library and plain HTTP against the Worker in a real workerd and a real S3 store, with a proxy in between that counts and breaks.
//! Run through `script/test`, which provides workerd and the store.
#![allow(clippy::disallowed_methods)]

mod accounts;
mod bucket;
mod chunks;
mod command;
mod completion;
mod content;
mod database;
mod dedup;
mod delivery;
mod direct;
mod edges;
mod faults;
mod hygiene;
mod isolation;
mod joined;
mod lanes;
mod limits;
mod names;
mod namespaces;
mod possession;
mod quota;
mod refusals;
mod resume;
mod roundtrip;
mod simple;
mod stack;
mod start;
mod store;
mod sweep;
mod video;
mod webhooks;
