//! What is measured of edges: samples of clients and of the Worker itself, gathered by a Durable Object for each edge, written down by the hour, and published
//! through KV.

use crate::base::time::EpochMs;

/// What is known of an edge at an instant: values, each with what it weighs (see [`crate::edges::estimate`] for how both age).
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When.
    pub at: EpochMs,
    /// Round trip beyond what the client's distance explains, ms.
    pub excess_ms: Option<(f64, f64)>,
    /// Round trip, ms.
    pub latency_ms: Option<(f64, f64)>,
    /// Of one connection, Mbit/s.
    pub mbps: Option<(f64, f64)>,
    /// Share of failures, 0..=1.
    pub errors: Option<(f64, f64)>,
    /// What all clients together send, Mbit/s.
    pub offered_mbps: f64,
}
