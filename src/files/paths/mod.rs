//! Paths of files: what one may be, what a new file does to the one that is there, listing by prefix (docs/paths.md).

pub mod change;
pub mod path;
pub mod placement;
pub mod prefix;
pub mod repository;
