//! Video: writing, reconciling and removing files.

pub mod put;
pub mod reconcile;
pub mod removal;
