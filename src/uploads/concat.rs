//! Concatenation (tus 1.0, "Concatenation"): which bytes of the partial uploads each part of the final one consists of.

use crate::chunking::{APPENDED_CHUNK, MAX_APPENDED_CHUNK, MIB};

/// Most partial uploads of a final one.
pub const MAX_PARTIALS: usize = 64;

/// Most parts of a final upload: each is a subrequest at least, of which a request has at least 1,000 (Cloudflare Workers documentation, "Limits").
pub const MAX_COPIES: u64 = 800;

/// The largest final upload, bytes.
pub const MAX_FINAL: u64 = MAX_APPENDED_CHUNK * MAX_COPIES;

/// The smallest object of which a range may be copied, bytes (Amazon S3 API, UploadPartCopy, "x-amz-copy-source-range").
pub const MIN_COPIED: u64 = 5 * MIB + 1;

/// Size of the parts of a final upload of `length` bytes, bytes.
pub fn final_chunk(length: u64) -> u64 {
    length.div_ceil(MAX_COPIES).next_multiple_of(MIB).clamp(APPENDED_CHUNK, MAX_APPENDED_CHUNK)
}

/// Bytes of one partial upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Which one.
    pub partial: usize,
    /// The first byte.
    pub first: u64,
    /// How many, at least 1.
    pub length: u64,
}

/// Where bytes `start..end` of the final upload are, in order; `sizes` are those of the partial uploads, bytes.
pub fn pieces(sizes: &[u64], start: u64, end: u64) -> Vec<Piece> {
    let mut at = 0u64;
    let mut pieces = Vec::new();
    for (partial, size) in sizes.iter().enumerate() {
        let behind = at.saturating_add(*size);
        let (from, to) = (start.max(at), end.min(behind));
        if from < to {
            pieces.push(Piece { partial, first: from - at, length: to - from });
        }
        at = behind;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chunk_is_8_mib_up_to_6_4_gib_and_16_mib_at_most() {
        assert_eq!([1, 800 * APPENDED_CHUNK, 800 * APPENDED_CHUNK + 1, MAX_FINAL].map(|length| final_chunk(length) / MIB), [8, 8, 9, 16]);
    }

    #[test]
    fn part_across_a_boundary_has_two_pieces() {
        let piece = |partial, first, length| Piece { partial, first, length };
        assert_eq!(pieces(&[10, 5, 7], 0, 8), [piece(0, 0, 8)]);
        assert_eq!(pieces(&[10, 5, 7], 8, 16), [piece(0, 8, 2), piece(1, 0, 5), piece(2, 0, 1)]);
        assert_eq!(pieces(&[10, 5, 7], 16, 22), [piece(2, 1, 6)]);
        assert_eq!(pieces(&[10], 10, 20), []);
    }

    proptest! {
        #[test]
        fn pieces_of_all_parts_are_all_bytes_in_order(sizes in prop::collection::vec(0u64..40, 1..10), chunk in 1u64..30) {
            let total: u64 = sizes.iter().sum();
            let bytes = |piece: Piece| (piece.first..piece.first + piece.length).map(move |at| (piece.partial, at));
            let found: Vec<_> = (0..total.div_ceil(chunk)).flat_map(|n| pieces(&sizes, n * chunk, (n + 1) * chunk)).flat_map(bytes).collect();
            let all: Vec<_> = sizes.iter().enumerate().flat_map(|(partial, size)| (0..*size).map(move |at| (partial, at))).collect();
            prop_assert_eq!(found, all);
        }
    }
}
