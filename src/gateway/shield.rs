//! The shield: slices that the gateway keeps in its cache, so that a second PoP's miss costs no read of the store. The edge says what may be kept, under which
//! key and for how long; the key names the version of the bytes, so an entry never changes.

use crate::delivery::response_headers::{Answered, is_range};
use crate::delivery::slices::SLICE_BYTES;
use crate::http::range::Span;

/// A slice that the gateway may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<'a> {
    /// Its place in the object; at most [`SLICE_BYTES`].
    pub span: Span,
    /// Whether it is asked for as the whole object, without a range.
    pub whole: bool,
    /// For how long, s; at least 1.
    pub seconds: u64,
    /// ETag of the object, without quotes; empty: unknown.
    pub etag: &'a str,
    /// `https://host` of the key: a host of the edge's zone, which the gateway need not have.
    pub base: &'a str,
    /// Key of the slice ([`crate::delivery::cache_entry::Key`]).
    pub key: &'a str,
}

impl<'a> Kept<'a> {
    /// As a header field; None for what must not be kept: more than a slice, or what has an ETag that no header field can hold.
    pub fn to_field(&self) -> Option<String> {
        let Kept { span: Span { first, last }, seconds, etag, base, key, .. } = self;
        (self.is_bounded() && etag.bytes().all(|b| b.is_ascii_graphic())).then(|| format!("{first} {last} {seconds} {base} {key} {etag}"))
    }

    /// Reads [`Kept::to_field`]; `whole`: the request has no range.
    pub fn parse(field: &'a str, whole: bool) -> Option<Kept<'a>> {
        let mut parts = field.split(' ');
        let mut next = || parts.next().unwrap_or_default();
        let (first, last, seconds) = (next().parse().ok()?, next().parse().ok()?, next().parse().ok()?);
        let kept = Kept { span: Span { first, last }, whole, seconds, base: next(), key: next(), etag: next() };
        (first <= last && kept.is_bounded() && !kept.key.is_empty()).then_some(kept)
    }

    fn is_bounded(&self) -> bool {
        self.span.last - self.span.first < SLICE_BYTES && self.seconds > 0
    }

    /// The key of the entry: another one than that of the edge's own entry, for the two caches may be one.
    pub fn entry(&self) -> String {
        ["shield/", self.key].concat()
    }

    /// Whether the store's answer is the slice, as far as its head tells.
    pub fn is_answer(&self, answer: Answered<'_>) -> bool {
        (answer.status == 200) == self.whole && is_range(answer, self.span, self.whole, None, self.etag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Kept<'_> =
        Kept { span: Span { first: 20, last: 29 }, whole: false, seconds: 60, etag: "e-2", base: "https://a.example", key: "1/ns/0/id/e-2/5/0" };
    const GOOD: Answered<'_> = Answered { status: 206, length: Some("10"), range: Some("bytes 20-29/100"), etag: Some("\"e-2\""), encoding: None };

    #[test]
    fn field_is_pinned_and_read_back() {
        assert_eq!(KEPT.to_field().as_deref(), Some("20 29 60 https://a.example 1/ns/0/id/e-2/5/0 e-2"));
        for kept in [KEPT, Kept { etag: "", ..KEPT }, Kept { whole: true, span: Span { first: 0, last: 0 }, ..KEPT }] {
            assert_eq!(Kept::parse(&kept.to_field().unwrap(), kept.whole), Some(kept));
        }
        assert_eq!(KEPT.entry(), "shield/1/ns/0/id/e-2/5/0", "a change of this format empties every shield");
    }

    #[test]
    fn more_than_a_slice_or_what_lives_for_no_time_is_not_kept() {
        for bad in [
            Kept { span: Span { first: 1, last: SLICE_BYTES + 1 }, ..KEPT },
            Kept { seconds: 0, ..KEPT },
            Kept { etag: "a b", ..KEPT },
            Kept { etag: "ä", ..KEPT },
        ] {
            assert_eq!(bad.to_field(), None, "{bad:?}");
        }
        let largest = Kept { span: Span { first: 1, last: SLICE_BYTES }, ..KEPT };
        assert!(largest.to_field().is_some_and(|field| Kept::parse(&field, false).is_some()));
        for bad in [
            "",
            "1 2 0 60",
            "1 2 0 60 https://a",
            "x 2 0 60 https://a k e",
            "0 5242880 0 60 https://a k e",
            "1 2 0 0 https://a k e",
            "2 1 0 60 https://a k e",
        ] {
            assert_eq!(Kept::parse(bad, false), None, "{bad}");
        }
    }

    #[test]
    fn answer_with_another_place_length_version_or_coding_is_not_the_slice() {
        assert!(KEPT.is_answer(GOOD));
        assert!(KEPT.is_answer(Answered { length: None, etag: None, encoding: Some("identity"), ..GOOD }), "what is not told is counted later");
        for bad in [
            Answered { status: 200, ..GOOD },
            Answered { status: 404, ..GOOD },
            Answered { range: None, ..GOOD },
            Answered { range: Some("bytes 20-28/100"), ..GOOD },
            Answered { length: Some("9"), ..GOOD },
            Answered { etag: Some("\"other\""), ..GOOD },
            Answered { encoding: Some("gzip"), ..GOOD },
        ] {
            assert!(!KEPT.is_answer(bad), "{bad:?}");
        }
        let (object, whole) = (Kept { whole: true, ..KEPT }, Answered { status: 200, range: None, ..GOOD });
        assert!(object.is_answer(whole) && !object.is_answer(GOOD));
    }
}
