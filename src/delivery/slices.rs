//! Slices: fixed-size byte ranges in which large objects are cached. Each slice is a cache entry of its own, so a seek reads only the slices it overlaps.

use std::collections::BTreeMap;

use crate::http::range::Span;

/// Slice size of a large object, bytes. 20 consecutive slices are sent at 1.0 to 1.2 GB/s (measured); a 5 GB object has 1,000 slices, which is the
/// subrequest limit of a request (Cloudflare Workers documentation, "Limits").
pub const SLICE_BYTES: u64 = 5 * 1024 * 1024;

/// A slice and the requested part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Slice index, from 0.
    pub index: u64,
    /// The slice's byte range in the object.
    pub span: Span,
    /// First requested byte, relative to the slice.
    pub from: u64,
    /// Last requested byte, relative to the slice, inclusive.
    pub to: u64,
}

impl Slice {
    /// Whether the whole slice is requested.
    pub fn is_whole(&self) -> bool {
        self.from == 0 && self.to + 1 == self.span.bytes()
    }
}

/// Number of slices up to which a multi-range answer reads each of them whole.
const FEW: usize = 2;

/// Maximum number of slices that the ranges of a multi-range answer may overlap.
const MAX_SLICES: usize = 16;

/// Number of ranges in one slice up to which only their bytes are read of it.
const MAX_SPARSE: usize = 2;

/// How the ranges of a multi-range request lie in the slices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// In few slices: these are read whole, into the cache, as for a single range.
    Few,
    /// In more, each with its number of ranges. Of a slice that has one or two and is not cached only the requested bytes are read, because a byte of it would
    /// otherwise cost the slice; of one that has more, each range would otherwise cost a request to the store.
    Many(BTreeMap<u64, usize>),
    /// In so many that the whole object is the better answer.
    Everywhere,
}

impl Layout {
    /// The layout of ranges that overlap these slices; reads as many of them as the answer needs.
    pub fn of(slices: impl Iterator<Item = Slice>) -> Layout {
        let mut ranges: BTreeMap<u64, usize> = BTreeMap::new();
        for slice in slices {
            *ranges.entry(slice.index).or_default() += 1;
            if ranges.len() > MAX_SLICES {
                return Layout::Everywhere;
            }
        }
        if ranges.len() > FEW { Layout::Many(ranges) } else { Layout::Few }
    }

    /// Whether the slice of this index is read whole, into the cache.
    pub fn reads_whole(&self, index: u64) -> bool {
        match self {
            Layout::Few | Layout::Everywhere => true,
            Layout::Many(ranges) => ranges.get(&index).is_some_and(|ranges| *ranges > MAX_SPARSE),
        }
    }
}

/// The slices of `slice_bytes` bytes that overlap `wanted` in an object of `size` bytes, ascending.
pub fn slices_of(wanted: Span, size: u64, slice_bytes: u64) -> impl Iterator<Item = Slice> {
    let slice_bytes = slice_bytes.max(1);
    (wanted.first / slice_bytes..=wanted.last / slice_bytes).map(move |index| {
        let begin = index * slice_bytes;
        let span = Span { first: begin, last: (begin + slice_bytes).min(size) - 1 };
        Slice { index, span, from: wanted.first.max(begin) - begin, to: wanted.last.min(span.last) - begin }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_mib_seek_overlaps_at_most_two_slices() {
        let mib = Span { first: 5_000_000_000 - 700_000, last: 5_000_000_000 - 700_000 + 1_048_575 };
        assert!(slices_of(mib, 10_000_000_000, SLICE_BYTES).count() <= 2);
        let all: Vec<_> = slices_of(Span { first: 0, last: 24 }, 25, 10).collect();
        assert_eq!(
            all.iter().map(|slice| (slice.index, slice.from, slice.to, slice.is_whole())).collect::<Vec<_>>(),
            [(0, 0, 9, true), (1, 0, 9, true), (2, 0, 4, true)]
        );
        let some: Vec<_> = slices_of(Span { first: 9, last: 10 }, 25, 10).collect();
        assert_eq!(
            some.iter().map(|slice| (slice.index, slice.from, slice.to, slice.is_whole())).collect::<Vec<_>>(),
            [(0, 9, 9, false), (1, 0, 0, false)]
        );
    }

    fn layout(firsts: impl IntoIterator<Item = u64>) -> Layout {
        Layout::of(firsts.into_iter().flat_map(|first| slices_of(Span { first, last: first }, 1_000, 10)))
    }

    #[test]
    fn eleven_ranges_in_eleven_slices_read_only_their_bytes() {
        assert_eq!(layout([0, 3, 5, 11]), Layout::Few);
        let eleven = layout((0..11).map(|n| n * 10));
        assert!(matches!(eleven, Layout::Many(_)) && (0..11).all(|index| !eleven.reads_whole(index)));
        assert_eq!(layout((0..17).map(|n| n * 10)), Layout::Everywhere);
        assert_eq!(Layout::of(slices_of(Span { first: 0, last: u64::MAX - 1 }, u64::MAX, 1)), Layout::Everywhere, "not all are looked at");
    }

    #[test]
    fn slice_with_more_than_two_ranges_is_read_once_and_whole() {
        let scattered = layout((0..64).map(|n| n % 3 * 10 + n / 22));
        assert!((0..3).all(|index| scattered.reads_whole(index)));
        let mixed = layout([0, 1, 2, 10, 11, 20]);
        assert_eq!([0, 1, 2].map(|index| mixed.reads_whole(index)), [true, false, false]);
        assert_eq!(layout((0..40).map(|n| n % 2 * 10)), Layout::Few, "to and fro between two slices");
    }

    proptest! {
        #[test]
        fn requested_parts_of_the_slices_concatenate_to_the_range(size in 1u64..1_000, slice in 1u64..100, a in 0u64..1_000, b in 0u64..1_000) {
            let (a, b) = (a % size, b % size);
            let wanted = Span { first: a.min(b), last: a.max(b) };
            let bytes: Vec<u64> = slices_of(wanted, size, slice).flat_map(|s| s.span.first + s.from..=s.span.first + s.to).collect();
            prop_assert_eq!(bytes, (wanted.first..=wanted.last).collect::<Vec<_>>());
            for s in slices_of(wanted, size, slice) {
                prop_assert!(s.span.last < size && s.span.bytes() <= slice && s.to < s.span.bytes());
            }
        }
    }
}
