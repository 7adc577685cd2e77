//! The API representation of a ranked edge (docs/api.md, "Ranked edge").

use serde::Serialize;

use crate::edges::edge::Edge;
use crate::edges::score::{Ranked, Terms};

/// One entry of `edges`. Values that were never measured are null.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RankedEdge"))]
#[serde(rename_all = "camelCase")]
pub struct EdgeView {
    id: String,
    name: String,
    region: Option<String>,
    url: String,
    distance_km: Option<f64>,
    latency_ms: Option<f64>,
    load_percent: Option<f64>,
    bandwidth_mbps: Option<f64>,
    error_rate: Option<f64>,
    score: f64,
    terms: Terms,
}

impl EdgeView {
    /// The representation of a ranked edge; `base` is this Worker's own URL, used if the edge has none.
    pub fn of(edge: &Edge, ranked: &Ranked, base: &str) -> EdgeView {
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let measured = ranked.estimate.error_rate.is_some();
        EdgeView {
            id: edge.id.to_string(),
            name: edge.name.clone(),
            region: Some(edge.continent.clone()),
            url: edge.url.clone().unwrap_or_else(|| base.to_owned()),
            distance_km: ranked.km.map(tenths),
            latency_ms: ranked.estimate.latency_ms.map(tenths),
            load_percent: measured.then(|| tenths(ranked.estimate.load * 100.0)),
            bandwidth_mbps: ranked.estimate.bandwidth_mbps.map(tenths),
            error_rate: ranked.estimate.error_rate.map(|rate| (rate * 10_000.0).round() / 10_000.0),
            score: ranked.score,
            terms: ranked.terms,
        }
    }
}
