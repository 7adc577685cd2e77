//! Delivery: content descriptors, cache keys, slices, fill lock and response headers (docs/delivery.md).

pub mod asset_hits;
pub mod cache_entry;
pub mod cache_place;
pub mod class;
pub mod content_descriptor;
pub mod count;
pub mod fill_lock;
pub mod flush;
pub mod outflow;
pub mod popularity;
pub mod repository;
pub mod response_headers;
pub mod slices;
pub mod warming;
