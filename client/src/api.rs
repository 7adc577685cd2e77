//! The API's JSON, as far as the client reads it.

mod steering;

use serde::{Deserialize, Serialize};

pub use steering::{Advice, Assignment, EdgesQuery, Location, RankedEdge, Sample, Terms, Weights};

/// How to cut a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// Bytes of every part but the last.
    pub chunk_size: u64,
    /// Parts.
    pub chunk_count: u32,
    /// Requests worth having in flight.
    pub threads: u32,
}

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asset {
    /// Id.
    pub id: String,
    /// File name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Media type.
    pub content_type: String,
    /// Namespace.
    pub namespace: String,
    /// Object key; empty if the bytes lie in another namespace.
    #[serde(deserialize_with = "or_empty")]
    pub s3_key: String,
    /// Hash, once verified.
    pub sha256: Option<String>,
    /// `pending`, `verified`, `mismatch` or `none`.
    pub verification: String,
    /// Stable address; needs the account.
    pub url: String,
    /// RFC 3339.
    pub created_at: String,
}

fn or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What the account has used of its tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// Tier name.
    pub tier: String,
    /// The month of the bandwidth, `2026-11`.
    pub period: String,
    /// Bytes.
    pub storage_quota_bytes: u64,
    /// Bytes.
    pub storage_used_bytes: u64,
    /// Bytes of uploads that have not ended.
    pub storage_reserved_bytes: u64,
    /// Bytes a month.
    pub bandwidth_quota_bytes: u64,
    /// Bytes this month.
    pub bandwidth_used_bytes: u64,
    /// `storage`, `bandwidth` or `both` from 80 % on.
    pub warning: Option<String>,
}

/// 201 of `start`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Session id.
    pub session_id: String,
    /// Opens the chunk path.
    pub upload_token: String,
    /// The plan.
    pub strategy: Strategy,
    /// What to send.
    pub missing_parts: Vec<u32>,
    /// Who takes parts, best first.
    #[serde(default)]
    pub edges: Vec<RankedEdge>,
    /// Which edge takes which of them.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
}

/// 200 of `start`: the bytes are there, and now the account's under that name.
#[derive(Debug, Clone, Deserialize)]
pub struct Duplicate {
    /// The file.
    pub asset: Asset,
}

/// A question about the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Challenge {
    /// The key of the answer.
    pub nonce: String,
    /// First and last byte of each range.
    pub ranges: Vec<(u64, u64)>,
}

/// 202 of `start`: somebody else has bytes of that hash; whoever proves to have them, too, need not send them.
#[derive(Debug, Clone, Deserialize)]
pub struct Asked {
    /// The question.
    pub challenge: Challenge,
}

/// The answer of `start`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Start {
    /// Send these parts.
    Open(Box<Started>),
    /// Send nothing.
    There(Box<Duplicate>),
    /// Prove first.
    Prove(Box<Asked>),
}

/// A recorded part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// From 1.
    pub part_number: u32,
    /// ETag.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// The hash the store verified.
    pub sha256: Option<String>,
    /// Who served it.
    pub edge: String,
    /// RFC 3339.
    pub at: String,
}

/// 200 of a chunk: proof that the store has it, should the server's record of that be lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// From 1.
    pub part_number: u32,
    /// ETag.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// The hash the store verified.
    pub sha256: Option<String>,
    /// The server's word for all of this.
    pub receipt: String,
}

/// `GET cache-chunk`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionState {
    /// Session id.
    pub session_id: String,
    /// `uploading`, `completing`, `complete`, `failed` or `expired`.
    pub status: String,
    /// File name.
    pub file_name: String,
    /// Bytes.
    pub file_size: u64,
    /// Bytes of every part but the last.
    pub chunk_size: u64,
    /// Parts.
    pub chunk_count: u32,
    /// What is there.
    pub completed: Vec<Part>,
    /// What is not.
    pub missing: Vec<u32>,
    /// Bytes there.
    pub bytes_uploaded: u64,
    /// 0..=100.
    pub percent: f64,
    /// A fresh token; never printed.
    #[serde(skip_serializing)]
    pub upload_token: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// One row of `GET sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionSummary {
    /// Session id.
    pub session_id: String,
    /// File name.
    pub file_name: String,
    /// Bytes.
    pub file_size: u64,
    /// Namespace.
    pub namespace: String,
    /// Bytes of every part but the last.
    pub chunk_size: u64,
}

/// A page of `GET sessions`.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionPage {
    /// The rows.
    pub sessions: Vec<SessionSummary>,
    /// Where to go on.
    pub cursor: Option<String>,
}

/// A page of `GET files`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FilePage {
    /// The rows.
    pub files: Vec<Asset>,
    /// Where to go on.
    pub cursor: Option<String>,
}

/// `{asset}`.
#[derive(Debug, Clone, Deserialize)]
pub struct AssetEnvelope {
    /// The asset.
    pub asset: Asset,
}

/// 200 of `complete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completed {
    /// The stored file.
    pub asset: Asset,
    /// Parts.
    pub chunks: u32,
    /// Bytes that were sent.
    pub bytes_sent: u64,
    /// Bytes that were there.
    pub bytes_saved: u64,
}

/// `GET download`.
#[derive(Debug, Clone, Deserialize)]
pub struct DownloadAnswer {
    /// Where the bytes are.
    pub url: String,
}

/// RFC 9457, with the members the client acts on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Problem {
    /// Stable word.
    pub code: String,
    /// For people.
    pub title: String,
    /// For people.
    pub detail: String,
    /// For the operator.
    pub request_id: String,
    /// `parts-missing`: which.
    pub missing: Vec<u32>,
    /// `parts-differ`: which.
    pub parts: Vec<u32>,
    /// `plan-mismatch`: the plan that holds.
    pub strategy: Option<Strategy>,
}
