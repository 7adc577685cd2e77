//! Edges: registry, measurements, ranking.

pub mod ranking;
pub mod registry;
pub mod samples;
pub mod snapshot;
