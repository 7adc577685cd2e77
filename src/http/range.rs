//! Byte ranges (RFC 9110 section 14): parsing of Range, and the multipart body for several ranges.
//!
//! By hand: bodies are streams of the platform that are cut by these spans, while libraries read and write bodies of their own.

use crate::problem::Problem;

/// Maximum ranges of a request. Many small ranges may be an attack (RFC 9110 section 14.2), so above that Range is ignored.
const MAX_RANGES: usize = 64;

/// Bytes `first..=last` of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub first: u64,
    /// Last byte, ≤ size - 1.
    pub last: u64,
}

impl Span {
    /// Length in bytes, at least 1.
    pub fn bytes(self) -> u64 {
        self.last - self.first + 1
    }
}

/// The bytes of an object to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRanges {
    /// The whole object, with 200.
    Whole,
    /// One range, with 206.
    One(Span),
    /// Several, with 206 and `multipart/byteranges`.
    Several(Vec<Span>),
}

/// Parses a Range field for an object of `size` bytes. A field that is not a well-formed set of byte ranges is ignored, as section 14.2 allows: the whole
/// object is sent. Overlapping ranges are coalesced, unsatisfiable ones left out.
///
/// # Errors
/// [`Problem::RangeNotSatisfiable`] if no range is satisfiable and the object is not empty.
pub fn parse_ranges(range: Option<&str>, size: u64) -> Result<ByteRanges, Problem> {
    // No range of an empty object is satisfiable. Its whole content says so better than a 416, which players and download managers take for a failure.
    if size == 0 {
        return Ok(ByteRanges::Whole);
    }
    let Some((unit, set)) = range.and_then(|field| field.split_once('=')) else { return Ok(ByteRanges::Whole) };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ok(ByteRanges::Whole);
    }
    let specs: Vec<&str> = set.split(',').map(str::trim).filter(|spec| !spec.is_empty()).collect();
    if specs.is_empty() || specs.len() > MAX_RANGES {
        return Ok(ByteRanges::Whole);
    }
    let mut spans = Vec::new();
    for spec in specs {
        match parse_spec(spec, size) {
            Spec::Malformed => return Ok(ByteRanges::Whole),
            Spec::Unsatisfiable => {}
            Spec::Satisfiable(span) => spans.push(span),
        }
    }
    let spans = coalesce(spans);
    match spans.as_slice() {
        [] => Err(Problem::RangeNotSatisfiable { size }),
        [one] => Ok(ByteRanges::One(*one)),
        _ => Ok(ByteRanges::Several(spans)),
    }
}

enum Spec {
    Malformed,
    Unsatisfiable,
    Satisfiable(Span),
}

fn parse_spec(spec: &str, size: u64) -> Spec {
    let Some((from, to)) = spec.split_once('-').map(|(from, to)| (from.trim(), to.trim())) else { return Spec::Malformed };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(from) || !digits(to) || (from.is_empty() && to.is_empty()) {
        return Spec::Malformed;
    }
    // A number over u64 is over every object's size.
    let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
    let Some(end) = size.checked_sub(1) else { return Spec::Unsatisfiable };
    let (first, last) = match (from.is_empty(), to.is_empty()) {
        (true, _) if number(to) == 0 => return Spec::Unsatisfiable,
        (true, _) => (size.saturating_sub(number(to)), end),
        (false, true) => (number(from), end),
        (false, false) if number(to) < number(from) => return Spec::Malformed,
        (false, false) => (number(from), number(to).min(end)),
    };
    if first > end { Spec::Unsatisfiable } else { Spec::Satisfiable(Span { first, last }) }
}

/// The ranges in the order of the request; if some overlap, coalesced and in ascending order (section 15.3.7.2 allows both).
fn coalesce(spans: Vec<Span>) -> Vec<Span> {
    let mut sorted = spans.clone();
    sorted.sort_unstable_by_key(|span| (span.first, span.last));
    let overlap = sorted.iter().zip(sorted.iter().skip(1)).any(|(one, next)| next.first <= one.last);
    if !overlap {
        return spans;
    }
    let mut coalesced: Vec<Span> = Vec::new();
    for span in sorted {
        match coalesced.last_mut() {
            Some(last) if span.first <= last.last => last.last = last.last.max(span.last),
            _ => coalesced.push(span),
        }
    }
    coalesced
}

/// A `multipart/byteranges` body (RFC 9110 section 14.6) without the ranges' bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart {
    boundary: String,
    /// Each range with the delimiter and headers that precede it.
    pub parts: Vec<(String, Span)>,
    /// The closing delimiter.
    pub end: String,
}

impl Multipart {
    /// The delimiters and headers for ranges of an object; `boundary` must not occur in the object's bytes.
    pub fn new(spans: &[Span], content_type: &str, size: u64, boundary: &str) -> Multipart {
        let head = |span: &Span| {
            let Span { first, last } = span;
            format!("\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n")
        };
        Multipart {
            parts: spans.iter().map(|span| (head(span), *span)).collect(),
            end: format!("\r\n--{boundary}--\r\n"),
            boundary: boundary.to_owned(),
        }
    }

    /// `multipart/byteranges; boundary=…`.
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// Length of the whole body, bytes.
    pub fn bytes(&self) -> u64 {
        let part = |(head, span): &(String, Span)| head.len() as u64 + span.bytes();
        self.parts.iter().map(part).sum::<u64>() + self.end.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(first: u64, last: u64) -> Result<ByteRanges, Problem> {
        Ok(ByteRanges::One(Span { first, last }))
    }

    fn several(spans: &[(u64, u64)]) -> Result<ByteRanges, Problem> {
        Ok(ByteRanges::Several(spans.iter().map(|(first, last)| Span { first: *first, last: *last }).collect()))
    }

    #[test]
    fn range_field_gives_spans_the_whole_object_or_416() {
        let get = |range| parse_ranges(Some(range), 10_000);
        assert_eq!(get("bytes=0-499"), one(0, 499));
        assert_eq!(get("bytes=9500-"), one(9500, 9999));
        assert_eq!(get("bytes=-500"), one(9500, 9999));
        assert_eq!(get("bytes=-20000"), one(0, 9999));
        assert_eq!(get("Bytes = 9999-99999999999999999999999"), one(9999, 9999));
        assert_eq!(get("bytes=500-600,601-999"), several(&[(500, 600), (601, 999)]));
        assert_eq!(get("bytes=500-700,601-999"), one(500, 999), "overlapping ranges are coalesced");
        assert_eq!(get("bytes=9000-9001, 0-1 ,,-1"), several(&[(9000, 9001), (0, 1), (9999, 9999)]), "otherwise in the order of the request");
        assert_eq!(get("bytes=0-0,20000-,5-5"), several(&[(0, 0), (5, 5)]), "unsatisfiable ranges are left out");
        let many = format!("bytes={}", vec!["1-2"; 65].join(","));
        let most = format!("bytes={}", vec!["1-2"; 64].join(","));
        assert_eq!(get(&most), one(1, 2));
        for whole in
            ["bytes=1-0", "bytes=0-1,4-3", "bytes=0-1,x", "lines=0-1", "bytes", "bytes=", "bytes=,", "bytes=a-b", "bytes=-", "bytes=+1-2", "", &many]
        {
            assert_eq!(get(whole), Ok(ByteRanges::Whole), "{whole}");
        }
        for outside in ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=-0,10000-"] {
            assert_eq!(get(outside), Err(Problem::RangeNotSatisfiable { size: 10_000 }), "{outside}");
        }
        for range in ["bytes=0-", "bytes=-1", "bytes=5-9", "bytes=0-0,-1"] {
            assert_eq!(parse_ranges(Some(range), 0), Ok(ByteRanges::Whole), "{range} of an empty object");
        }
    }

    #[test]
    fn ranges_that_share_a_byte_are_coalesced_and_others_keep_their_order() {
        let get = |range| parse_ranges(Some(range), 100);
        for joined in [
            "bytes=10-20,20-30",
            "bytes=20-30,10-20",
            "bytes=10-30,15-20",
            "bytes=15-20,10-30",
            "bytes=10-30,10-30",
            "bytes=10-20,10-30",
            "bytes=10-12,12-25,25-30",
        ] {
            assert_eq!(get(joined), one(10, 30), "{joined}");
        }
        assert_eq!(get("bytes=10-20,21-30"), several(&[(10, 20), (21, 30)]), "adjacent ones share none");
        assert_eq!(get("bytes=50-60,21-30,10-20,60-70"), several(&[(10, 20), (21, 30), (50, 70)]), "in ascending order if any overlap");
        assert_eq!(get("bytes=50-60,21-30,10-20"), several(&[(50, 60), (21, 30), (10, 20)]));
    }

    #[test]
    fn multipart_body_of_two_ranges_has_the_announced_length() {
        let spans = [Span { first: 0, last: 1 }, Span { first: 7, last: 9 }];
        let body = Multipart::new(&spans, "text/plain", 10, "B");
        let bytes = b"0123456789";
        let mut written = Vec::new();
        for (head, span) in &body.parts {
            written.extend_from_slice(head.as_bytes());
            written.extend_from_slice(&bytes[span.first as usize..=span.last as usize]);
        }
        written.extend_from_slice(body.end.as_bytes());
        assert_eq!(written.len() as u64, body.bytes());
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
             \r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 7-9/10\r\n\r\n789\r\n--B--\r\n"
        );
        assert_eq!(body.content_type(), "multipart/byteranges; boundary=B");
    }

    /// All pairs and triples of ranges of a small object: the answer has each requested byte once, and no other.
    #[test]
    fn all_pairs_and_triples_of_ranges_send_each_requested_byte_once() {
        const SIZE: u64 = 5;
        let ranges: Vec<(u64, u64)> = (0..SIZE).flat_map(|first| (first..SIZE).map(move |last| (first, last))).collect();
        let check = |asked: &[(u64, u64)]| {
            let field = asked.iter().map(|(first, last)| format!("{first}-{last}")).collect::<Vec<_>>().join(",");
            let spans = match parse_ranges(Some(&format!("bytes={field}")), SIZE) {
                Ok(ByteRanges::One(span)) => vec![span],
                Ok(ByteRanges::Several(spans)) => spans,
                other => panic!("{field}: {other:?}"),
            };
            let mut sent: Vec<u64> = spans.iter().flat_map(|span| span.first..=span.last).collect();
            sent.sort_unstable();
            let requested: Vec<u64> = (0..SIZE).filter(|byte| asked.iter().any(|(first, last)| (first..=last).contains(&byte))).collect();
            assert_eq!(sent, requested, "{field}");
        };
        for &one in &ranges {
            for &two in &ranges {
                check(&[one, two]);
                ranges.iter().for_each(|&three| check(&[one, two, three]));
            }
        }
    }

    proptest! {
        #[test]
        fn ranges_lie_within_the_object_and_no_byte_is_sent_twice(field in "bytes=([0-9]{0,2}-[0-9]{0,2},?){0,8}", size in 0u64..100) {
            match parse_ranges(Some(&field), size) {
                Ok(ByteRanges::One(span)) => prop_assert!(span.first <= span.last && span.last < size),
                Ok(ByteRanges::Several(mut spans)) => {
                    prop_assert!(spans.len() > 1 && spans.iter().all(|span| span.first <= span.last && span.last < size));
                    spans.sort_by_key(|span| span.first);
                    prop_assert!(spans.windows(2).all(|pair| pair[0].last < pair[1].first));
                }
                Ok(ByteRanges::Whole) | Err(_) => {}
            }
        }
    }
}
