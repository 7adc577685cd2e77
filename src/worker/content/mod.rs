//! Content from the cache: slices, fill lock, KV, whole objects, metering and warming.

pub mod ahead;
pub mod cache;
pub mod cache_stats;
pub mod came_from;
pub mod fill;
pub mod fill_lock;
pub mod forget;
pub mod kv;
pub mod membership_cache;
pub mod metadata_cache;
pub mod meter;
pub mod pipe;
pub mod popularity;
pub mod response_cache;
pub mod send;
pub mod serve;
pub mod store_reads;
pub mod video_pages;
pub mod video_source;
pub mod warm;
pub mod whole_object;
