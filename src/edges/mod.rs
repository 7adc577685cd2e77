//! Edge selection: ranks the edges to which a client should send its parts (docs/edges.md).

pub mod answers;
pub mod assign;
pub mod draw;
pub mod edge;
pub mod estimate;
pub mod geo;
pub mod location;
pub mod metrics;
pub mod patch;
pub mod places;
pub mod repository;
pub mod request;
pub mod score;
pub mod view;
