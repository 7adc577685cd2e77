//! Delivery: the bytes of an asset, and the headers they go with.

pub mod cache_entry;
pub mod class;
pub mod content_descriptor;
pub mod fill_lock;
pub mod repository;
pub mod response_headers;
pub mod slices;
