//! JSON of the API (docs/api.md), as far as the client reads it.

mod steering;

use serde::{Deserialize, Serialize};

pub use steering::{Advice, Assignment, EdgesQuery, Location, RankedEdge, Sample, Terms, Weights};

/// The plan of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// Size of every part except the last, bytes.
    pub chunk_size: u64,
    /// Number of parts.
    pub chunk_count: u32,
    /// Recommended number of requests in flight.
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
    /// Object key; empty if the object belongs to another namespace.
    #[serde(deserialize_with = "or_empty")]
    pub s3_key: String,
    /// SHA-256, once verified.
    pub sha256: Option<String>,
    /// `pending`, `verified`, `mismatch` or `none`.
    pub verification: String,
    /// Permanent URL; requires the account's credentials.
    pub url: String,
    /// When it was created, RFC 3339.
    pub created_at: String,
    /// Where it lies (docs/paths.md).
    #[serde(default)]
    pub path: Option<String>,
    /// When it was last changed where it comes from, RFC 3339.
    #[serde(default)]
    pub modified_at: Option<String>,
}

fn or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Quota and usage of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// Tier name.
    pub tier: String,
    /// The month of the bandwidth count, `2026-11`.
    pub period: String,
    /// Storage quota, bytes.
    pub storage_quota_bytes: u64,
    /// Used storage, bytes.
    pub storage_used_bytes: u64,
    /// Storage reserved by uploads that have not ended, bytes.
    pub storage_reserved_bytes: u64,
    /// Bandwidth quota, bytes per month.
    pub bandwidth_quota_bytes: u64,
    /// Bandwidth used this month, bytes.
    pub bandwidth_used_bytes: u64,
    /// `storage`, `bandwidth` or `both` if at least 80 % of that quota is used.
    pub warning: Option<String>,
}

/// Response 201 of `start`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Session id.
    pub session_id: String,
    /// Token of the chunk path.
    pub upload_token: String,
    /// The plan.
    pub strategy: Strategy,
    /// Numbers of the parts to send.
    pub missing_parts: Vec<u32>,
    /// Edges that accept parts, best first.
    #[serde(default)]
    pub edges: Vec<RankedEdge>,
    /// Assignment of the missing parts to edges.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
}

/// Response 200 of `start`: the bytes were stored already, and the account now has a file of them under that name.
#[derive(Debug, Clone, Deserialize)]
pub struct Duplicate {
    /// The file.
    pub asset: Asset,
}

/// A challenge to prove possession of a file's bytes (docs/uploads.md, "Proof of possession").
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Challenge {
    /// HMAC key of the proof.
    pub nonce: String,
    /// First and last byte of each range.
    pub ranges: Vec<(u64, u64)>,
}

/// Response 202 of `start`: another namespace has bytes of that hash; a client that proves possession need not send them.
#[derive(Debug, Clone, Deserialize)]
pub struct Challenged {
    /// The challenge.
    pub challenge: Challenge,
}

/// The response of `start`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Start {
    /// The session is open: send the missing parts.
    Open(Box<Started>),
    /// Nothing has to be sent.
    Duplicate(Box<Duplicate>),
    /// Prove possession, then start again.
    Prove(Box<Challenged>),
}

/// A recorded part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Part number, from 1.
    pub part_number: u32,
    /// ETag.
    pub etag: String,
    /// Size, bytes.
    pub size: u64,
    /// SHA-256, if the store verified it.
    pub sha256: Option<String>,
    /// The edge that received it.
    pub edge: String,
    /// When it was stored, RFC 3339.
    pub at: String,
}

/// Response 200 of a chunk: proof that the store has it, in case the server's record is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// Part number, from 1.
    pub part_number: u32,
    /// ETag.
    pub etag: String,
    /// Size, bytes.
    pub size: u64,
    /// SHA-256, if the store verified it.
    pub sha256: Option<String>,
    /// Signed receipt over these values.
    pub receipt: String,
}

/// Response of `GET cache-chunk`.
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
    /// Size of every part except the last, bytes.
    pub chunk_size: u64,
    /// Number of parts.
    pub chunk_count: u32,
    /// Recorded parts.
    pub completed: Vec<Part>,
    /// Numbers of the missing parts.
    pub missing: Vec<u32>,
    /// Bytes of the recorded parts.
    pub bytes_uploaded: u64,
    /// Recorded share of the file, percent, 0..=100.
    pub percent: f64,
    /// A new upload token; never printed.
    #[serde(skip_serializing)]
    pub upload_token: String,
    /// When the session expires, RFC 3339.
    pub expires_at: String,
}

/// One row of `GET sessions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Size of every part except the last, bytes.
    pub chunk_size: u64,
    /// `uploading`, `completing`, `complete`, `failed` or `expired`.
    #[serde(default)]
    pub status: String,
    /// When it was started, RFC 3339.
    #[serde(default)]
    pub created_at: String,
}

/// A page of `GET sessions`.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionPage {
    /// The rows.
    pub sessions: Vec<SessionSummary>,
    /// Cursor of the next page.
    pub cursor: Option<String>,
}

/// A page of `GET files`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FilePage {
    /// The rows.
    pub files: Vec<Asset>,
    /// Cursor of the next page.
    pub cursor: Option<String>,
}

/// A page of `GET files?prefix=`.
#[derive(Debug, Clone, Deserialize)]
pub struct PathPage {
    /// Files, by path.
    pub files: Vec<Asset>,
    /// Folders, with a slash at the end.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Cursor of the next page.
    pub cursor: Option<String>,
}

/// What a deletion by prefix deletes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Counted {
    /// The prefix.
    pub prefix: String,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// Whether there are more than were counted.
    pub more: bool,
}

/// `{asset}`.
#[derive(Debug, Clone, Deserialize)]
pub struct AssetEnvelope {
    /// The asset.
    pub asset: Asset,
}

/// Response 200 of `complete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completed {
    /// The stored file.
    pub asset: Asset,
    /// Number of parts.
    pub chunks: u32,
    /// Bytes that were sent.
    pub bytes_sent: u64,
    /// Bytes that deduplication saved.
    pub bytes_saved: u64,
}

/// Response of `GET download`.
#[derive(Debug, Clone, Deserialize)]
pub struct DownloadAnswer {
    /// URL of the content.
    pub url: String,
}

/// A problem (RFC 9457), with the members that the client uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Problem {
    /// Problem code.
    pub code: String,
    /// Short text for the user.
    pub title: String,
    /// Long text for the user.
    pub detail: String,
    /// Request id, for the operator.
    pub request_id: String,
    /// `parts-missing`: the numbers of the missing parts.
    pub missing: Vec<u32>,
    /// `parts-differ`: the numbers of the differing parts.
    pub parts: Vec<u32>,
    /// `plan-mismatch`: the effective plan.
    pub strategy: Option<Strategy>,
    /// `origin-unavailable`: `unknown` if the store may have carried the request out.
    pub outcome: String,
}
