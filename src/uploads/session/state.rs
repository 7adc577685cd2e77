//! The state of an upload session and its parts. The JSON form is persisted in the Durable Object.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::chunking::part_len;

/// How long one call may hold a completion before another may take it over, ms. Longer than a call can take: [`crate::uploads::completion::ROUND_MS`] and the
/// patience of one completion and one look.
pub const COMPLETION_LEASE_MS: u64 = 120_000;

/// The edge of a part that was copied at the store, not sent.
pub const COPIED: &str = "copy";

/// The edge of a part that was found at the store, or sent straight to it.
pub const AT_ORIGIN: &str = "origin";

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Takes parts.
    Uploading,
    /// The store is putting the parts together.
    Completing,
    /// The object is there.
    Complete,
    /// Given up by the client.
    Failed,
    /// Given up by time.
    Expired,
}

impl Status {
    /// The word of the API.
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

/// The right to complete, held by one call until a deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The holder.
    pub attempt: Id,
    /// Void from then on.
    pub until: EpochMs,
}

/// Everything about an upload but its parts. Persisted as JSON: new fields default (pinned below).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Session id.
    pub session: Id,
    /// Account id.
    pub account: Id,
    /// Namespace.
    pub namespace: Name,
    /// The asset that completion creates; drawn at start, so that completing twice creates one.
    pub asset: Id,
    /// The object that completion creates.
    pub object: Id,
    /// Object key.
    pub key: String,
    /// The store's upload id.
    pub upload_id: String,
    /// File name.
    pub file_name: String,
    /// Bytes.
    pub file_size: u64,
    /// Bytes of every part but the last.
    pub chunk_size: u64,
    /// Media type.
    pub content_type: String,
    /// The hash the client claims for the whole file.
    #[serde(default)]
    pub file_hash: Option<Sha256Hex>,
    /// Whether chunks may come without a hash.
    #[serde(default)]
    pub allow_unsigned: bool,
    /// When it was opened.
    pub created: EpochMs,
    /// Time to live after the last activity, ms.
    pub ttl_ms: u64,
    /// See [`Status`].
    pub status: Status,
    /// Who is completing it.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// The answer of the completion, once there is one.
    #[serde(default)]
    pub outcome: Option<Value>,
    /// Whether what it held at the store and in the ledger was taken back after it ended without a file.
    #[serde(rename = "taken_back", default, skip_serializing_if = "std::ops::Not::not")]
    pub cleaned_up: bool,
    /// Whether its account is suspended: then it takes no parts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// Whether parts may have come to the store past this service: then their bytes are offered to nobody by their hashes. (An ETag is an MD5: two parts
    /// can be made to have the same.)
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
    /// When the record of an upload that has ended is dropped; set by the first alarm after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forget_at: Option<EpochMs>,
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

/// Why a part is believed to be there.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// This service saw the store take it, with that hash.
    #[default]
    Seen,
    /// A client says that it sent it straight to the store.
    Claimed,
    /// The store lists a part of that ETag and size. A hash is still only a claim.
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
    /// 1..=10,000.
    #[serde(rename = "partNumber")]
    pub number: u16,
    /// The store's ETag, without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// The hash the store verified, or a client claims (see `evidence`); None if it came without, or was adopted from a listing.
    pub sha256: Option<Sha256Hex>,
    /// The edge that served it.
    pub edge: String,
    /// When it was recorded.
    pub at: EpochMs,
    /// See [`Evidence`].
    #[serde(default, skip_serializing_if = "Evidence::is_seen")]
    pub evidence: Evidence,
}

/// What has to be written before the answer may leave.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write the meta data.
    PutMeta,
    /// Write this part.
    PutPart(Part),
    /// Remove this part.
    DropPart(u16),
}

/// Part numbers of 1..=`count` that are not among `there` (ascending).
pub fn missing(count: u32, there: impl Iterator<Item = u16>) -> Vec<u16> {
    // Collecting would sort them first, which is a lot of code for what is in order.
    let mut sorted = BTreeSet::new();
    sorted.extend(there);
    (1..=u16::try_from(count).unwrap_or(u16::MAX)).filter(|number| !sorted.contains(number)).collect()
}
