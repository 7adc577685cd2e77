//! Assets: the files that users see; each one references an object in the store.

pub mod asset;
pub mod direct;
pub mod listing;
pub mod object_key;
pub mod paths;
pub mod repository;
