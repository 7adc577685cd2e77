//! The state of an upload session and its parts. The JSON form is persisted in the Durable Object.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::chunking::part_len;
use crate::files::paths::placement::Placement;
use crate::uploads::session::appending::Appending;

/// Duration of the completion lease, ms: after it another call may continue the completion. Longer than a call can take:
/// [`crate::uploads::completion::ROUND_MS`] plus the timeouts of one CompleteMultipartUpload and one HeadObject.
pub const COMPLETION_LEASE_MS: u64 = 120_000;

/// Maximum validity of a presigned part URL, ms. Sessions live longer; a slower client requests new URLs.
pub const URL_TTL_MS: u64 = 3_600_000;

/// `edge` of a part that was copied inside the store.
pub const COPIED: &str = "copy";

/// `edge` of a part that was found by ListParts or sent directly to the store.
pub const AT_ORIGIN: &str = "origin";

/// Status of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepts parts.
    Uploading,
    /// The store is assembling the parts.
    Completing,
    /// The object exists.
    Complete,
    /// Aborted by the client, or its upload no longer exists at the store.
    Failed,
    /// Expired without activity.
    Expired,
}

impl Status {
    /// The value in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Uploading => "uploading",
            Status::Completing => "completing",
            Status::Complete => "complete",
            Status::Failed => "failed",
            Status::Expired => "expired",
        }
    }
}

/// The completion lease: the right to complete the upload, held by one call until a deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The attempt that holds it.
    pub attempt: Id,
    /// Deadline.
    pub until: EpochMs,
}

/// Everything about an upload except its parts. Persisted as JSON: new fields need a default (pinned by a test).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Session id.
    pub session: Id,
    /// Account id.
    pub account: Id,
    /// Namespace.
    pub namespace: Name,
    /// Id of the asset that completion creates. Drawn at start, so that a repeated completion creates a single asset.
    pub asset: Id,
    /// Id of the object that completion creates.
    pub object: Id,
    /// Key at the origin.
    pub key: String,
    /// The store's upload id.
    pub upload_id: String,
    /// File name.
    pub file_name: String,
    /// File size, bytes.
    pub file_size: u64,
    /// Size of every part except the last, bytes.
    pub chunk_size: u64,
    /// Media type.
    pub content_type: String,
    /// SHA-256 of the file, claimed by the client.
    #[serde(default)]
    pub file_hash: Option<Sha256Hex>,
    /// Whether chunks without a hash are accepted.
    #[serde(default)]
    pub allow_unsigned: bool,
    /// Start of the upload.
    pub created: EpochMs,
    /// Time to live after the last activity, ms.
    pub ttl_ms: u64,
    /// See [`Status`].
    pub status: Status,
    /// The completion lease, while it is held.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// The stored response of the completion.
    #[serde(default)]
    pub outcome: Option<Value>,
    /// Whether the multipart upload and the reservation were released after the upload failed or expired.
    #[serde(rename = "taken_back", default, skip_serializing_if = "std::ops::Not::not")]
    pub cleaned_up: bool,
    /// Whether the account is suspended: no parts are accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// As of when that is known: the last change of the account that was told. What was read before it says nothing new, however late it comes.
    #[serde(default, skip_serializing_if = "EpochMs::is_zero")]
    pub suspended_as_of: EpochMs,
    /// Whether it was opened again and nobody has told yet whether the account is suspended. Until then it answers as if it had no record, so that who needs it opens
    /// it once more: a call that dies behind the opening would leave a suspended account's upload open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchecked: bool,
    /// Whether parts may have reached the store without this service. Their chunks are then not added to the chunk index: an ETag is an MD5, and two parts
    /// with the same MD5 can be constructed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
    /// When the record of an ended upload is deleted; set by the first alarm after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forget_at: Option<EpochMs>,
    /// Last call on the session that recorded no part; written once in a thousandth of `ttl_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_at: Option<EpochMs>,
    /// When presigned part URLs were last issued: a part sent directly to the store has been under way since then at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urls_at: Option<EpochMs>,
    /// The place that the file is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Numbers of the parts as which two contents with one ETag were sent: which of them the store has is unknown, and their hash stays so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ambiguous: BTreeSet<u16>,
    /// What was appended by offset; `None` while only parts were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appending: Option<Appending>,
}

impl Meta {
    /// Number of parts.
    pub fn chunk_count(&self) -> u32 {
        u32::try_from(self.file_size.div_ceil(self.chunk_size.max(1))).unwrap_or(u32::MAX)
    }

    pub(super) fn part_len(&self, number: u16) -> Option<u64> {
        part_len(self.file_size, self.chunk_size, u32::from(number))
    }
}

/// How it is known that the store has a part.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// This service received the store's 200 for it, with that hash.
    #[default]
    Seen,
    /// A client reports that it sent the part directly to the store.
    Claimed,
    /// ListParts returned the part with this ETag and size. Its hash is still a claim.
    Listed,
}

impl Evidence {
    pub(super) fn is_seen(&self) -> bool {
        *self == Evidence::Seen
    }
}

/// A recorded part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Part number, 1..=10,000.
    #[serde(rename = "partNumber")]
    pub number: u16,
    /// ETag at the store, without quotes.
    pub etag: String,
    /// Size, bytes.
    pub size: u64,
    /// SHA-256, verified by the store or claimed by a client (see `evidence`); `None` for a part without a hash and a part adopted from a listing.
    pub sha256: Option<Sha256Hex>,
    /// The edge that received it.
    pub edge: String,
    /// When it was recorded.
    pub at: EpochMs,
    /// See [`Evidence`].
    #[serde(default, skip_serializing_if = "Evidence::is_seen")]
    pub evidence: Evidence,
    /// How long it was under way until it was recorded, ms; `None` if unknown (found by ListParts) or if it was copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

/// A write that must be durable before the reply is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write everything except the parts.
    PutMeta,
    /// Write this part.
    PutPart(Part),
    /// Delete this part.
    DropPart(u16),
}

/// The numbers of 1..=`count` that are not in `recorded` (ascending).
pub fn missing(count: u32, recorded: impl Iterator<Item = u16>) -> Vec<u16> {
    // `collect` would sort first; inserting one by one avoids the code size of sorting input that is in order already.
    let mut sorted = BTreeSet::new();
    sorted.extend(recorded);
    (1..=u16::try_from(count).unwrap_or(u16::MAX)).filter(|number| !sorted.contains(number)).collect()
}
