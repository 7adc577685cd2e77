//! Receipts of files (docs/api.md, "Receipt"): what a file's receipt says, before it is signed.

use jettyspeed_receipts::{Chunk, Receipt};
use serde::Deserialize;
use serde_json::Value;

use crate::base::time::EpochMs;
use crate::files::asset::Asset;

/// Parts in the receipt of an event, at most: a file of more parts has none there, and all of them in the answer to `GET …/receipt`.
pub const MAX_EVENT_CHUNKS: usize = 1_000;

/// Parts of a file, at most (Amazon S3 user guide, "Multipart upload limits").
pub const MAX_CHUNKS: u64 = 10_000;

/// A part whose hash the store has checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Number of its first byte in the file.
    pub first: u64,
}

/// The parts in their order if they are the whole file, without gaps and overlaps; else none, as then they are not all known.
pub fn whole(mut parts: Vec<Part>, size: u64) -> Vec<Chunk> {
    parts.sort_by_key(|part| part.first);
    let mut end = 0;
    for part in &parts {
        if part.first != end {
            return Vec::new();
        }
        end = part.first.saturating_add(part.size);
    }
    if end != size {
        return Vec::new();
    }
    parts.into_iter().map(|part| Chunk { size: part.size, sha256: part.sha256 }).collect()
}

/// The receipt of a file as of `now`, not signed.
pub fn draft(asset: &Asset, chunks: Vec<Chunk>, now: EpochMs) -> Value {
    let receipt = Receipt {
        asset: asset.id.to_string(),
        size: asset.size,
        sha256: asset.sha256.clone().filter(|_| asset.verification == "verified").or_else(|| asset.claimed_sha256.clone()),
        verification: asset.verification.clone(),
        chunks,
        stored_at: asset.created_at.rfc3339(),
        issued_at: now.rfc3339(),
    };
    serde_json::to_value(receipt).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Id, Name};

    fn part(first: u64, size: u64) -> Part {
        Part { sha256: format!("{first:064x}"), size, first }
    }

    #[test]
    fn parts_that_are_the_whole_file_are_listed_in_their_order_and_others_not_at_all() {
        let whole_of = |parts: &[(u64, u64)], size| whole(parts.iter().map(|(first, size)| part(*first, *size)).collect(), size);
        let sizes = |chunks: Vec<Chunk>| chunks.into_iter().map(|chunk| chunk.size).collect::<Vec<_>>();
        assert_eq!(sizes(whole_of(&[(5, 5), (0, 5), (10, 2)], 12)), [5, 5, 2]);
        for (parts, size) in [
            (vec![(0, 5), (10, 2)], 12),
            (vec![(0, 5), (5, 5)], 12),
            (vec![(0, 5), (5, 5), (10, 2)], 11),
            (vec![(0, 5), (4, 8)], 12),
            (vec![(1, 11)], 12),
            (vec![], 12),
            (vec![(0, u64::MAX), (u64::MAX, 1)], 5),
        ] {
            assert_eq!(whole_of(&parts, size), [], "{parts:?} of {size}");
        }
        assert_eq!(whole_of(&[], 0), []);
    }

    #[test]
    fn receipt_has_the_computed_hash_if_it_was_verified_and_the_claimed_one_else() {
        let asset = |verification: &str| Asset {
            id: Id::from_random([1; 16]),
            account_id: Id::from_random([2; 16]),
            object_id: Id::from_random([3; 16]),
            name: "n".into(),
            content_type: "a/b".into(),
            namespace: Name::parse("n").unwrap(),
            s3_key: "k".into(),
            size: 5,
            etag: "e".into(),
            claimed_sha256: Some("claimed".into()),
            sha256: Some("computed".into()),
            verification: verification.into(),
            verification_reason: None,
            created_at: EpochMs(0),
            owner_status: "active".into(),
            borrowed: false,
            path: None,
            modified_at: None,
        };
        let hash = |verification: &str| draft(&asset(verification), vec![], EpochMs(1))["sha256"].clone();
        assert_eq!(["verified", "pending", "mismatch"].map(hash), ["computed", "claimed", "claimed"]);
        let receipt = draft(&asset("pending"), vec![], EpochMs(1));
        assert_eq!((&receipt["storedAt"], &receipt["issuedAt"]), (&"1970-01-01T00:00:00.000Z".into(), &"1970-01-01T00:00:00.001Z".into()));
        assert_eq!((&receipt["chunks"], &receipt["size"]), (&serde_json::json!([]), &serde_json::json!(5)));
    }
}
