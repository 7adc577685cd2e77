//! The answer that tells what was measured of an edge (docs/api.md, Edges).

use serde::Serialize;

use crate::base::id::Name;
use crate::edges::metrics::hours::HourView;

/// What is believed of an edge now.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EdgeNow"))]
#[serde(rename_all = "camelCase")]
pub struct NowView {
    /// Round-trip time, ms.
    pub latency_ms: Option<f64>,
    /// Throughput of an upload, Mbit/s.
    pub bandwidth_mbps: Option<f64>,
    /// Share of failed samples, 0 to 1.
    pub error_rate: Option<f64>,
    /// Load, percent of its capacity.
    pub load_percent: f64,
    /// How much the measurements count, 0 to 1.
    pub confidence: f64,
}

/// 200 answer of `GET /api/edges/{edge}/metrics`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EdgeMetrics"))]
pub struct MetricsView {
    /// The edge.
    pub edge: Name,
    /// `24h`, `7d` or `30d`.
    pub period: String,
    /// What is believed now.
    pub now: NowView,
    /// The sum of the hours.
    pub total: HourView,
    /// The hours with samples.
    pub series: Vec<HourView>,
}
