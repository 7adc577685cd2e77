//! Request bodies of the edge-selection routes (docs/api.md, "Edges").

use serde::Deserialize;

use crate::base::id::Name;
use crate::base::json::{null_as_default, optional_list, optional_object};
use crate::problem::Problem;

/// Maximum number of samples per call.
pub const MAX_SAMPLES: usize = 1_000;

/// Maximum number of chunk hashes that a plan is asked with.
const MAX_CHUNK_HASHES: usize = 16;

/// Largest sample, bytes: the largest part that S3 accepts (Amazon S3 user guide, "Multipart upload limits").
const MAX_SAMPLE_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Longest sample, ms: one day.
const MAX_SAMPLE_MS: f64 = 86_400_000.0;

/// What edges are ranked by (docs/edges.md, "The score").
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// All terms weigh the same.
    #[default]
    Balanced,
    /// Latency and bandwidth first.
    Speed,
    /// Load and distance first.
    Cost,
}

/// One measurement of an edge.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sample {
    /// Edge id.
    pub edge: String,
    /// Bytes sent.
    pub bytes: u64,
    /// Duration, ms.
    pub ms: f64,
    /// Whether it succeeded.
    pub ok: bool,
}

/// Body of `POST /api/jetty/optimal-edges`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OptimalEdges {
    /// File name.
    #[serde(default)]
    pub file_name: Option<String>,
    /// Bytes, ≥ 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 9_007_199_254_740_991_u64)))]
    pub file_size: u64,
    /// Claimed hash of the file.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::HASH)))]
    pub file_hash: Option<String>,
    /// SHA-256 of some chunks of the file, of any size and place.
    #[serde(default, deserialize_with = "optional_list::<MAX_CHUNK_HASHES, _, _>")]
    #[cfg_attr(feature = "schema", schemars(length(max = 16)))]
    pub chunk_hashes: Option<Vec<String>>,
    /// Media type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Namespace of the upload, whose chunk size the plan has; default: the account's own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::base::schema::NAME)))]
    pub namespace: Option<String>,
    /// What edges are ranked by.
    #[serde(default, deserialize_with = "null_as_default")]
    pub priority: Priority,
    /// The client's location as stated by the client.
    #[serde(default, deserialize_with = "optional_object")]
    pub location: Option<crate::edges::location::Location>,
    /// Maximum number of edges to return.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub count: Option<u32>,
}

/// Checks samples of a client: at most 1,000 per call, all values in range.
pub fn check_samples(samples: &[Sample]) -> Result<(), Problem> {
    let plausible =
        |sample: &Sample| Name::parse(&sample.edge).is_some() && sample.bytes <= MAX_SAMPLE_BYTES && (0.0..=MAX_SAMPLE_MS).contains(&sample.ms);
    if samples.len() <= MAX_SAMPLES && samples.iter().all(plausible) {
        return Ok(());
    }
    Err(Problem::invalid("samples", "must be at most 1,000, each with an edge's id, bytes from 0 to 5 GiB and ms from 0 to 86,400,000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_within_all_bounds_are_accepted() {
        let sample = |edge: &str, bytes: u64, ms: f64| -> Sample {
            serde_json::from_value(serde_json::json!({ "edge": edge, "bytes": bytes, "ms": ms, "ok": true })).unwrap()
        };
        let accepted = |samples: &[Sample]| check_samples(samples).is_ok();
        assert!(accepted(&[]) && accepted(&[sample("sin", 0, 0.0), sample("sin", MAX_SAMPLE_BYTES, MAX_SAMPLE_MS)]));
        for bad in [sample("../x", 0, 0.0), sample("sin", MAX_SAMPLE_BYTES + 1, 0.0), sample("sin", 0, MAX_SAMPLE_MS + 1.0), sample("sin", 0, -1.0)] {
            assert!(!accepted(&[sample("sin", 0, 0.0), bad]));
        }
        let many = |count: usize| (0..count).map(|_| sample("sin", 0, 0.0)).collect::<Vec<_>>();
        assert!(accepted(&many(MAX_SAMPLES)) && !accepted(&many(MAX_SAMPLES + 1)));
    }
}
