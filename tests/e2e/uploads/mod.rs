//! Uploads: sessions of parts, parts that go straight to the store, and files stored in one request.

mod activity;
mod batch;
mod collision;
mod complete;
mod direct;
mod lost_sessions;
mod part_refusals;
mod parts;
mod repeats;
mod resume;
mod rights;
mod roundtrip;
mod simple;
mod start;
