//! Assets: the files a user sees, each a name for an object in the store.

pub mod asset;
pub mod object_key;
pub mod repository;
