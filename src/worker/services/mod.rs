//! Orchestration that is of the platform: edges as a request sees them, and the health of a deployment's parts.

pub mod edges;
pub mod health;
