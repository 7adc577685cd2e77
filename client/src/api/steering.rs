//! Edges, as the server ranks them and as the client measured them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Strategy;

/// What a score is made of: each 0..=1, 1 best; None if nobody measured it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terms {
    /// Nearness.
    pub distance: Option<f64>,
    /// Quickness of its answers.
    pub latency: Option<f64>,
    /// Idleness.
    pub load: Option<f64>,
    /// Throughput.
    pub bandwidth: Option<f64>,
    /// Reliability.
    pub errors: Option<f64>,
    /// How much each of them counts.
    pub weights: Weights,
}

/// How much each term counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Weights {
    /// Of nearness.
    pub distance: Option<f64>,
    /// Of quickness.
    pub latency: Option<f64>,
    /// Of idleness.
    pub load: Option<f64>,
    /// Of throughput.
    pub bandwidth: Option<f64>,
    /// Of reliability.
    pub errors: Option<f64>,
}

/// An edge that takes parts; what nobody has measured is None.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RankedEdge {
    /// Id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Where it is.
    pub region: Option<String>,
    /// Where it takes parts, `https://host[:port]`; several edges may share one.
    pub url: String,
    /// Kilometres from the client.
    pub distance_km: Option<f64>,
    /// Milliseconds.
    pub latency_ms: Option<f64>,
    /// 0..=100.
    pub load_percent: Option<f64>,
    /// Megabits a second.
    pub bandwidth_mbps: Option<f64>,
    /// Of requests, 0..=1.
    pub error_rate: Option<f64>,
    /// 0..=1, 1 best.
    pub score: f64,
    /// What the score is made of.
    pub terms: Terms,
}

/// Which parts the server would have an edge take; any edge takes any part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Assignment {
    /// Its id.
    pub edge: String,
    /// Part numbers, from 1.
    pub parts: Vec<u32>,
}

/// 200 of `optimal-edges`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Advice {
    /// Best first.
    #[serde(default)]
    pub edges: Vec<RankedEdge>,
    /// Which edge takes which parts.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// The plan.
    pub strategy: Strategy,
    /// Where the server sees the client: colo, country, lat, lon.
    #[serde(default)]
    pub client: Value,
}

/// What `optimal-edges` is asked, besides the file's size.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgesQuery {
    /// `balanced`, `speed` or `cost`; the server's default if None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// Where the client is; as the server sees it if None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Edges at most; the server's default if None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// A place, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// -90..=90.
    pub lat: f64,
    /// -180..=180.
    pub lon: f64,
}

/// What the client measured of an edge: a part, or a probe if `bytes` is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The edge's id.
    pub edge: String,
    /// Bytes of the part.
    pub bytes: u64,
    /// Milliseconds it took.
    pub ms: u64,
    /// Whether it succeeded.
    pub ok: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_about_edges_may_be_missing() {
        let bare = r#"{"strategy":{"chunkSize":1,"chunkCount":1,"threads":4}}"#;
        let advice: Advice = serde_json::from_str(bare).unwrap();
        assert!(advice.edges.is_empty() && advice.assignments.is_empty());
        let old = r#"{"edges":[{"id":"SIN","url":"https://a","latencyMs":null,"terms":{}}],"strategy":{"chunkSize":1,"chunkCount":1,"threads":4}}"#;
        let advice: Advice = serde_json::from_str(old).unwrap();
        assert_eq!((advice.edges[0].id.as_str(), advice.edges[0].terms.weights.load), ("SIN", None));
    }
}
