//! JSON of edges: the server's ranking and the client's measurements.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Strategy;

/// Terms of an edge's score: each 0..=1, 1 is best; None if not measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terms {
    /// Term of the distance.
    pub distance: Option<f64>,
    /// Term of the round-trip time.
    pub latency: Option<f64>,
    /// Term of the free capacity.
    pub load: Option<f64>,
    /// Term of the throughput.
    pub bandwidth: Option<f64>,
    /// Term of the success rate.
    pub errors: Option<f64>,
    /// Weight of each term.
    pub weights: Weights,
}

/// Weights of the terms, percent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Weights {
    /// Of the distance.
    pub distance: Option<f64>,
    /// Of the round-trip time.
    pub latency: Option<f64>,
    /// Of the free capacity.
    pub load: Option<f64>,
    /// Of the throughput.
    pub bandwidth: Option<f64>,
    /// Of the success rate.
    pub errors: Option<f64>,
}

/// An edge that accepts parts; values that were never measured are None.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RankedEdge {
    /// Edge id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Region.
    pub region: Option<String>,
    /// URL for parts, `https://host[:port]`; several edges may share one.
    pub url: String,
    /// Distance from the client, km.
    pub distance_km: Option<f64>,
    /// Round-trip time, ms.
    pub latency_ms: Option<f64>,
    /// Used share of the capacity, percent, 0..=100.
    pub load_percent: Option<f64>,
    /// Throughput of one connection, Mbit/s.
    pub bandwidth_mbps: Option<f64>,
    /// Error rate, 0..=1.
    pub error_rate: Option<f64>,
    /// Score, 0..=1, 1 is best.
    pub score: f64,
    /// Terms of the score.
    pub terms: Terms,
}

/// Parts that the server assigns to an edge; every edge accepts every part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Assignment {
    /// Edge id.
    pub edge: String,
    /// Part numbers, from 1.
    pub parts: Vec<u32>,
}

/// Response 200 of `optimal-edges`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// Edges, best first.
    #[serde(default)]
    pub edges: Vec<RankedEdge>,
    /// Assignment of parts to edges.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// The plan.
    pub strategy: Strategy,
    /// Whether deduplication may save bytes of the file; older servers do not say.
    #[serde(default)]
    pub may_be_stored: Option<bool>,
    /// Those of the asked chunk hashes that the server stores.
    #[serde(default)]
    pub stored_chunks: Vec<String>,
    /// The client's location according to the server: colo, country, lat, lon.
    #[serde(default)]
    pub client: Value,
}

/// Parameters of `optimal-edges` besides the file size.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgesQuery {
    /// `balanced`, `speed` or `cost`; the server's default if None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// The client's location; the server's estimate if None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Maximum number of edges; the server's default if None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Namespace of the upload; the account's own if None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// SHA-256 of some chunks of the file, at most 16: the server tells which it stores.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chunk_hashes: Vec<String>,
}

/// Coordinates, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Latitude, -90..=90.
    pub lat: f64,
    /// Longitude, -180..=180.
    pub lon: f64,
}

/// A client's measurement of an edge: a part, or a probe if `bytes` is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The edge's id.
    pub edge: String,
    /// Bytes of the part.
    pub bytes: u64,
    /// Duration, ms.
    pub ms: u64,
    /// Whether it succeeded.
    pub ok: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_edge_object_deserialises_to_defaults() {
        let bare = r#"{"strategy":{"chunkSize":1,"chunkCount":1,"threads":4}}"#;
        let advice: Advice = serde_json::from_str(bare).unwrap();
        assert!(advice.edges.is_empty() && advice.assignments.is_empty());
        let old = r#"{"edges":[{"id":"SIN","url":"https://a","latencyMs":null,"terms":{}}],"strategy":{"chunkSize":1,"chunkCount":1,"threads":4}}"#;
        let advice: Advice = serde_json::from_str(old).unwrap();
        assert_eq!((advice.edges[0].id.as_str(), advice.edges[0].terms.weights.load), ("SIN", None));
    }
}
