//! Measurements of an edge at one instant: aggregated by the edge's Durable Object from samples of clients and of the Worker, and published
//! through KV (docs/edges.md, "Measurements").

use crate::base::time::EpochMs;

/// Measured state of an edge: pairs of value and weight (see [`crate::edges::estimate`] for how weights decay with age).
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When it was computed.
    pub at: EpochMs,
    /// Round-trip time in excess of the prior for the client's distance, ms.
    pub excess_ms: Option<(f64, f64)>,
    /// Round-trip time, ms.
    pub latency_ms: Option<(f64, f64)>,
    /// Throughput of one connection, Mbit/s.
    pub mbps: Option<(f64, f64)>,
    /// Error rate, 0..=1.
    pub errors: Option<(f64, f64)>,
    /// Total rate that all clients send, Mbit/s.
    pub offered_mbps: f64,
}
