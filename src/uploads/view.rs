//! Responses of the upload routes (docs/api.md, Uploads).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::chunking::Strategy;
use crate::edges::assign::Assignment;
use crate::edges::repository::{Share, add_pattern};
use crate::edges::view::EdgeView;
use crate::files::asset::{Asset, AssetView};
use crate::uploads::repository::SessionRow;
use crate::uploads::session::state::{COPIED, Meta, Part, missing};
use crate::uploads::session::transfer::Transfer;

/// 201 response of `start`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StartedUpload"))]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Session id.
    pub session_id: Id,
    /// Token for the chunk path.
    pub upload_token: String,
    /// The store's upload id.
    pub upload_id: String,
    /// The chunk plan.
    pub strategy: Strategy,
    /// The edges that parts may be sent to.
    pub edges: Vec<EdgeView>,
    /// Which edge each missing part should be sent to.
    pub assignments: Vec<Assignment>,
    /// Numbers of the parts to send.
    pub missing_parts: Vec<u16>,
    /// Expiry of the session without further activity, RFC 3339.
    pub expires_at: String,
}

/// 200 response for a chunk.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StoredChunk"))]
#[serde(rename_all = "camelCase")]
pub struct ChunkStored<'a> {
    /// Part number, 1..=10,000.
    pub part_number: u16,
    /// ETag at the store, without quotes.
    pub etag: &'a str,
    /// Size, bytes.
    pub size: u64,
    /// The verified SHA-256.
    pub sha256: Option<&'a Sha256Hex>,
    /// The edge that received it.
    pub edge: &'a str,
    /// Receipt: an HMAC over the part (docs/uploads.md, Receipts).
    pub receipt: String,
}

/// 200 response of `GET /api/jetty/cache-chunk` and of `progress`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "UploadProgress"))]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    session_id: Id,
    status: &'static str,
    file_name: String,
    file_size: u64,
    chunk_size: u64,
    chunk_count: u32,
    completed: Vec<PartView>,
    missing: Vec<u16>,
    bytes_uploaded: u64,
    percent: f64,
    upload_token: String,
    expires_at: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Part"))]
#[serde(rename_all = "camelCase")]
struct PartView {
    part_number: u16,
    etag: String,
    size: u64,
    sha256: Option<Sha256Hex>,
    edge: String,
    at: String,
}

/// Builds the progress of a session.
pub fn progress(meta: &Meta, parts: &[Part], expires: EpochMs, upload_token: String) -> Progress {
    let bytes_uploaded: u64 = parts.iter().map(|part| part.size).sum();
    Progress {
        session_id: meta.session,
        status: meta.status.as_str(),
        file_name: meta.file_name.clone(),
        file_size: meta.file_size,
        chunk_size: meta.chunk_size,
        chunk_count: meta.chunk_count(),
        completed: parts
            .iter()
            .map(|part| PartView {
                part_number: part.number,
                etag: part.etag.clone(),
                size: part.size,
                sha256: part.sha256.clone(),
                edge: part.edge.clone(),
                at: part.at.rfc3339(),
            })
            .collect(),
        missing: missing(meta.chunk_count(), parts.iter().map(|part| part.number)),
        bytes_uploaded,
        percent: percent(bytes_uploaded, meta.file_size),
        upload_token,
        expires_at: expires.rfc3339(),
    }
}

/// Percentage from 0 to 100 with one decimal, rounded down: 100 only when every byte is recorded.
fn percent(done: u64, total: u64) -> f64 {
    // Sizes are below 2^53: exact in f64.
    let thousandths = (done as f64 * 1000.0 / total.max(1) as f64).floor();
    if done >= total { 100.0 } else { thousandths.min(999.0) / 10.0 }
}

/// One element of `GET /api/jetty/sessions`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Session"))]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    session_id: Id,
    upload_id: String,
    file_name: String,
    file_size: u64,
    file_hash: Option<String>,
    content_type: String,
    namespace: Name,
    chunk_size: u64,
    chunk_count: u64,
    status: String,
    created_at: String,
    /// Null as long as it is open.
    ended_at: Option<String>,
    /// Why it ended without a file: `client`, `store`, `removed`, `job`, `idle`; null otherwise, and where it is not known.
    reason: Option<String>,
}

impl From<&SessionRow> for SessionView {
    fn from(row: &SessionRow) -> SessionView {
        SessionView {
            session_id: row.id,
            upload_id: row.upload_id.clone(),
            file_name: row.file_name.clone(),
            file_size: row.file_size,
            file_hash: row.file_hash.clone(),
            content_type: row.content_type.clone(),
            namespace: row.namespace.clone(),
            chunk_size: row.chunk_size,
            chunk_count: row.file_size.div_ceil(row.chunk_size.max(1)),
            // The history has status "open"; the API calls an open session "uploading".
            status: if row.status == "open" { "uploading".to_owned() } else { row.status.clone() },
            created_at: row.created_at.rfc3339(),
            ended_at: (row.status != "open").then(|| row.updated_at.rfc3339()),
            reason: row.reason.clone(),
        }
    }
}

/// 200 response of `complete`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CompletedUpload"))]
#[serde(rename_all = "camelCase")]
pub struct Completed {
    asset: AssetView,
    chunks: u32,
    edges_used: Vec<String>,
    upload_time_ms: u64,
    mbps: f64,
    bytes_sent: u64,
    bytes_saved: u64,
}

/// The response for a completed session; `base` is `https://host`.
pub fn completed(meta: &Meta, parts: &[Part], asset: &Asset, base: &str) -> Completed {
    let (copied, sent): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.edge == COPIED);
    let edges_used: BTreeSet<&str> = sent.iter().map(|part| part.edge.as_str()).collect();
    let transfer = Transfer::of(parts.iter());
    Completed {
        asset: asset.view(base),
        chunks: meta.chunk_count(),
        edges_used: edges_used.into_iter().map(str::to_owned).collect(),
        upload_time_ms: transfer.ms,
        mbps: transfer.mbps(),
        bytes_sent: sent.iter().map(|part| part.size).sum(),
        bytes_saved: copied.iter().map(|part| part.size).sum(),
    }
}

/// Maximum number of edges per upload that are recorded.
const MAX_EDGES: usize = 20;

/// Statements that add a completed session to `upload_patterns`.
pub fn patterns(meta: &Meta, parts: &[Part], country: Option<&str>, now: EpochMs) -> Vec<Statement> {
    let mut shares: Vec<(&str, Share)> = Vec::new();
    for part in parts.iter().filter(|part| part.edge != COPIED) {
        match shares.iter_mut().find(|(edge, _)| *edge == part.edge) {
            Some((_, share)) => *share = Share { parts: share.parts + 1, bytes: share.bytes + part.size },
            None => shares.push((&part.edge, Share { parts: 1, bytes: part.size })),
        }
    }
    let session = meta.session.to_string();
    let took = |edge: &str| Transfer::of(parts.iter().filter(|part| part.edge == edge)).ms;
    let add = |(edge, share): (&str, Share)| add_pattern(&session, country.unwrap_or("XX"), edge, share, took(edge), now);
    shares.into_iter().take(MAX_EDGES).map(add).collect()
}

/// The asset that the session becomes.
pub fn asset_of(meta: &Meta, etag: &str, now: EpochMs) -> Asset {
    Asset {
        id: meta.asset,
        account_id: meta.account,
        object_id: meta.object,
        name: meta.file_name.clone(),
        content_type: meta.content_type.clone(),
        namespace: meta.namespace.clone(),
        s3_key: meta.key.clone(),
        size: meta.file_size,
        etag: etag.to_owned(),
        claimed_sha256: meta.file_hash.clone().map(String::from),
        sha256: None,
        verification: if meta.file_hash.is_some() { "pending" } else { "none" }.to_owned(),
        created_at: now,
        owner_status: "active".to_owned(),
        borrowed: false,
        verification_reason: None,
        path: None,
        modified_at: meta.placement.as_ref().and_then(|placement| placement.modified_at),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn open_session_is_told_as_uploading_and_others_with_their_end_and_reason() {
        let told = |status: &str, reason: Option<&str>| {
            let id = crate::base::id::Id::from_random([1; 16]);
            let row: SessionRow = serde_json::from_value(serde_json::json!({
                "id": id, "account_id": id, "namespace": "n", "s3_key": "k", "upload_id": "u", "file_name": "f", "file_size": 11, "chunk_size": 5,
                "content_type": "text/plain", "file_hash": null, "allow_unsigned": 0, "status": status, "created_at": 0, "updated_at": 7, "reason": reason, "asset_id": null
            }))
            .unwrap();
            let mut view = serde_json::to_value(SessionView::from(&row)).unwrap();
            ["status", "chunkCount", "endedAt", "reason"].map(|name| view[name].take())
        };
        let end = "1970-01-01T00:00:00.007Z";
        assert_eq!(told("open", None), [json!("uploading"), json!(3), json!(null), json!(null)]);
        assert_eq!(told("expired", Some("idle")), [json!("expired"), json!(3), json!(end), json!("idle")]);
        assert_eq!(told("complete", None), [json!("complete"), json!(3), json!(end), json!(null)]);
    }

    #[test]
    fn percent_is_100_only_with_every_byte() {
        assert_eq!(percent(0, 10), 0.0);
        assert_eq!(percent(1, 3), 33.3);
        assert_eq!(percent(999_999_999, 1_000_000_000), 99.9);
        assert_eq!(percent(10, 10), 100.0);
    }
}
