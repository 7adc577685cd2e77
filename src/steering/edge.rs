//! Edges as clients see them.

use serde::Serialize;
use serde_json::{Map, Value};

use super::geo::GeoHint;

/// One entry of `edges`. What nobody has measured is null, not a made-up number.
#[derive(Debug, Serialize)]
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
    terms: Map<String, Value>,
}

/// The PoP that took the request, at this Worker's own address: anycast has brought the client to the one that is nearest by network.
pub fn own_edge(hint: &GeoHint, base: &str) -> EdgeView {
    EdgeView {
        id: hint.edge_name().to_owned(),
        name: hint.edge_name().to_owned(),
        region: None,
        url: base.to_owned(),
        distance_km: None,
        latency_ms: hint.tcp_rtt_ms,
        load_percent: None,
        bandwidth_mbps: None,
        error_rate: None,
        // The only edge there is ranks first; scores are 0..=1.
        score: 1.0,
        terms: Map::new(),
    }
}
