//! Slices: how an object of any size lies in the cache. Each slice is a whole answer of its own; a seek reads only those that it touches.

use crate::http::range::Span;

/// Bytes of a slice of a large object. (ARCHITECTURE: 20 such reads joined ran at 1.0-1.2 GB/s; a 5 GB object is a thousand of them, which is what one
/// request may ask for.)
pub const SLICE_BYTES: u64 = 5 * 1024 * 1024;

/// A slice and what is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// From 0.
    pub index: u64,
    /// Where it lies in the object.
    pub span: Span,
    /// What is wanted, in bytes of the slice: `from..=to`.
    pub from: u64,
    /// See `from`.
    pub to: u64,
}

impl Slice {
    /// Whether all of it is wanted.
    pub fn is_whole(&self) -> bool {
        self.from == 0 && self.to + 1 == self.span.bytes()
    }
}

/// The slices of `slice_bytes` that hold `wanted` of an object of `size` bytes, in order.
pub fn of(wanted: Span, size: u64, slice_bytes: u64) -> impl Iterator<Item = Slice> {
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
    fn a_seek_touches_two_slices_at_most() {
        let mib = Span { first: 5_000_000_000 - 700_000, last: 5_000_000_000 - 700_000 + 1_048_575 };
        assert!(of(mib, 10_000_000_000, SLICE_BYTES).count() <= 2);
        let all: Vec<_> = of(Span { first: 0, last: 24 }, 25, 10).collect();
        assert_eq!(
            all.iter().map(|slice| (slice.index, slice.from, slice.to, slice.is_whole())).collect::<Vec<_>>(),
            [(0, 0, 9, true), (1, 0, 9, true), (2, 0, 4, true)]
        );
        let some: Vec<_> = of(Span { first: 9, last: 10 }, 25, 10).collect();
        assert_eq!(
            some.iter().map(|slice| (slice.index, slice.from, slice.to, slice.is_whole())).collect::<Vec<_>>(),
            [(0, 9, 9, false), (1, 0, 0, false)]
        );
    }

    proptest! {
        #[test]
        fn slices_together_are_exactly_what_is_wanted(size in 1u64..1_000, slice in 1u64..100, a in 0u64..1_000, b in 0u64..1_000) {
            let (a, b) = (a % size, b % size);
            let wanted = Span { first: a.min(b), last: a.max(b) };
            let bytes: Vec<u64> = of(wanted, size, slice).flat_map(|s| s.span.first + s.from..=s.span.first + s.to).collect();
            prop_assert_eq!(bytes, (wanted.first..=wanted.last).collect::<Vec<_>>());
            for s in of(wanted, size, slice) {
                prop_assert!(s.span.last < size && s.span.bytes() <= slice && s.to < s.span.bytes());
            }
        }
    }
}
