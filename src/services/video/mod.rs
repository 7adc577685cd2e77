//! Video: writing, reconciling and removing files.

pub mod delete;
pub mod put;
pub mod reconcile;
pub mod removal;
