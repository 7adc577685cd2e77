//! Orchestration over the platform. It moves to the module whose name it has once the port exists (ARCHITECTURE.md, "The port").

pub mod accounts;
pub mod dedup;
pub mod edges;
pub mod namespaces;
pub mod prune;
pub mod repeat;
pub mod send_body;
pub mod stored_object;
pub mod uploads;
pub mod video;
