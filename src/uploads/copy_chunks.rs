//! Chunk deduplication: which parts of an upload are copied inside the store instead of being sent (docs/uploads.md, Deduplication).

use std::collections::HashMap;

use crate::base::sha256::Sha256Hex;
use crate::chunking::{Strategy, part_len};
use crate::dedup::chunk::{Chunk, Stored};
use crate::uploads::session::state::{Evidence, Part};

/// Maximum parts copied during one `start`, 9.6 GB in parts of 12 MB: each UploadPartCopy is a subrequest, of which a request has at least 1,000 (Cloudflare
/// Workers documentation, "Limits"); the rest is for what else a start does.
pub const MAX_COPIES: usize = 800;

/// Concurrent copies: the runtime opens at most six connections per request and queues the others (Cloudflare Workers documentation, "Limits").
pub const COPIES_AT_ONCE: usize = 6;

/// A part that is copied from a stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Part number, 1..=10,000.
    pub number: u16,
    /// Size, bytes.
    pub size: u64,
    /// SHA-256 of the chunk.
    pub sha256: Sha256Hex,
    /// Key of the source object.
    pub s3_key: String,
    /// First byte of the source range.
    pub first: u64,
    /// Last byte of the source range, inclusive.
    pub last: u64,
}

/// The parts whose hash and length are in the chunk index, ascending, at most [`MAX_COPIES`].
pub fn copies(file_size: u64, strategy: Strategy, hashes: &[Sha256Hex], stored: Vec<Stored>) -> Vec<Copy> {
    let stored: HashMap<(Sha256Hex, u64), Stored> = stored.into_iter().map(|chunk| ((chunk.sha256.clone(), chunk.size), chunk)).collect();
    let numbered = (1u16..=u16::MAX).zip(hashes);
    let known = numbered.filter_map(|(number, hash)| {
        let size = part_len(file_size, strategy.chunk_size, u32::from(number))?;
        let chunk = stored.get(&(hash.clone(), size))?;
        let last = chunk.first.checked_add(size)?.checked_sub(1)?;
        Some(Copy { number, size, sha256: hash.clone(), s3_key: chunk.s3_key.clone(), first: chunk.first, last })
    });
    known.take(MAX_COPIES).collect()
}

/// The chunks of a completed object that later uploads may copy: those whose hash the store verified.
pub fn chunks_of_object(chunk_size: u64, parts: &[Part]) -> Vec<Chunk<'_>> {
    let chunk = |part: &'_ Part| Some((u64::from(part.number).checked_sub(1)?.checked_mul(chunk_size)?, part.size));
    let seen = parts.iter().filter(|part| part.evidence == Evidence::Seen);
    seen.filter_map(|part| Some((part.sha256.as_ref()?, chunk(part)?))).map(|(h, (f, s))| Chunk { h, s, f }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::EpochMs;
    use crate::dedup::chunk::Stored;

    fn hash(text: &str) -> Sha256Hex {
        Sha256Hex::of(text.as_bytes())
    }

    fn stored(text: &str, size: u64, first: u64) -> Stored {
        Stored { sha256: hash(text), size, s3_key: "k".into(), first }
    }

    #[test]
    fn hashes_stored_at_the_plans_length_are_copied() {
        let strategy = Strategy { chunk_size: 10, chunk_count: 4, threads: 1 };
        let hashes = [hash("a"), hash("b"), hash("a"), hash("c")];
        let found = copies(35, strategy, &hashes, vec![stored("a", 10, 70), stored("c", 10, 0), stored("b", 9, 5)]);
        let seen: Vec<_> = found.iter().map(|copy| (copy.number, copy.first, copy.last)).collect();
        assert_eq!(seen, [(1, 70, 79), (3, 70, 79)], "the last part has 5 bytes, and b is stored with 9");
        assert_eq!(copies(35, strategy, &hashes, vec![stored("c", 5, 20)]).first().map(|copy| (copy.number, copy.last)), Some((4, 24)));
        assert!(copies(35, strategy, &hashes, vec![]).is_empty());
    }

    #[test]
    fn only_parts_with_a_verified_hash_become_chunks() {
        let part = |number, sha256| Part {
            number,
            etag: "e".into(),
            size: 10,
            sha256,
            edge: "x".into(),
            at: EpochMs(0),
            evidence: Evidence::Seen,
            took_ms: None,
        };
        let parts = [part(1, Some(hash("a"))), part(2, None), part(3, Some(hash("c")))];
        let chunks = chunks_of_object(10, &parts);
        assert_eq!(chunks.iter().map(|chunk| (chunk.f, chunk.s)).collect::<Vec<_>>(), [(0, 10), (20, 10)]);
        assert!(serde_json::to_string(&chunks).unwrap().starts_with(r#"[{"h":""#));
    }
}
