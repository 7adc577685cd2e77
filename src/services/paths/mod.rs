//! Paths of files: taking one, listing, moving, copying, deleting by prefix.

pub mod copy;
pub mod delete_prefix;
pub mod list;
pub mod place;
pub mod rename;
