//! Uploads: sessions, the chunk path, presigned parts, completion and the sweep (docs/uploads.md).

pub mod batch;
pub mod bucket_owner;
pub mod completion;
pub mod concat;
pub mod copy_chunks;
pub mod form;
pub mod history;
pub mod optimal;
pub mod part;
pub mod payload_hash_probe;
pub mod presigned;
pub mod presigned_hash_probe;
pub mod repository;
pub mod request;
pub mod retry;
pub mod rights;
pub mod session;
pub mod simple;
pub mod store_facts;
pub mod sweep;
pub mod view;
