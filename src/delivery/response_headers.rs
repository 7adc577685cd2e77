//! Response header fields of content, and validation of origin responses.

use serde::Serialize;

use crate::base::time::EpochMs;
use crate::delivery::cache_entry::Origin;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::http::range::{ByteRanges, Multipart, Span};
use crate::http::{content_disposition, media_type};
use crate::problem::{OriginFailure, Problem};
use crate::s3::content_range::ContentRange;
use crate::s3::etag::may_be_version;

/// How the bytes of an answer go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As they are.
    Identity,
    /// Compressed by the runtime.
    Gzip,
}

impl Coding {
    /// The coding of an answer with `wanted`: only whole answers are compressed, if the namespace and the client (`Accept-Encoding`) ask for it.
    pub fn of(source: &ContentDescriptor, wanted: &ByteRanges, asks_for_gzip: bool) -> Coding {
        let compressed = source.compress && asks_for_gzip && source.size > 0 && *wanted == ByteRanges::Whole;
        if compressed { Coding::Gzip } else { Coding::Identity }
    }
}

/// `ETag`, `Last-Modified`, `Cache-Control`, `Vary` and `Cache-Status`: the fields of a 304 (RFC 9110 section 15.4.5). An object never changes under its key and
/// ETag, so the ETag is a strong validator; of a compressed answer, whose bytes depend on the runtime, a weak one. `expires` is the expiry of the URL.
pub fn validators(source: &ContentDescriptor, origin: Option<Origin>, coding: Coding, expires: EpochMs, now: EpochMs) -> Vec<(&'static str, String)> {
    // The token in the URL is the only credential, so no cache on the way may store the response beyond the token's expiry.
    let client_seconds = source.client_seconds(now);
    let seconds = (expires.since(now) / 1000).min(client_seconds);
    let freshness = if client_seconds == 0 { "no-cache".to_owned() } else { format!("max-age={seconds}") };
    let weak = if coding == Coding::Gzip { "W/" } else { "" };
    let mut headers = vec![
        ("etag", format!("{weak}\"{}\"", source.version)),
        ("last-modified", source.modified.http_date()),
        // RFC 9111 section 5.2.2.6: nobody on the way may change the bytes, on which ranges and hashes depend.
        ("cache-control", format!("private, {freshness}, no-transform")),
    ];
    if source.compress {
        headers.push(("vary", "Accept-Encoding".to_owned()));
    }
    // A response without content is built from the descriptor alone; `origin` is then `None` unless the cache holds the bytes.
    headers.push(("cache-status", origin.map_or_else(|| "JettySpeed; detail=record".to_owned(), Origin::cache_status)));
    headers
}

/// The fields of a 200 or 206 in addition to [`validators`]. `multipart` is the framing of a `multipart/byteranges` body.
pub fn headers(source: &ContentDescriptor, wanted: &ByteRanges, multipart: Option<&Multipart>, coding: Coding) -> Vec<(&'static str, String)> {
    let bytes = match (wanted, multipart) {
        (ByteRanges::One(span), _) => span.bytes(),
        (ByteRanges::Several(_), Some(body)) => body.bytes(),
        _ => source.size,
    };
    let content_type = multipart.map_or_else(|| source.content_type.clone(), Multipart::content_type);
    let encoding = match coding {
        // The runtime compresses the body because of this field (Workers documentation, "Response", `encodeBody`).
        Coding::Gzip => Some("gzip"),
        // Without it the runtime compresses these types and drops `Content-Length` (measured; "no-transform" does not prevent it). The others need none, and
        // some clients do not know the value.
        Coding::Identity => media_type::is_compressed_by_platform(&content_type).then_some("identity"),
    };
    let mut headers = vec![
        ("content-type", content_type),
        ("accept-ranges", "bytes".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        // Prevents uploaded HTML from running scripts in this origin.
        ("content-security-policy", "sandbox".to_owned()),
    ];
    headers.extend(encoding.map(|encoding| ("content-encoding", encoding.to_owned())));
    if coding == Coding::Identity {
        headers.push(("content-length", bytes.to_string()));
    }
    headers.extend(source.name.as_ref().map(|name| ("content-disposition", content_disposition::inline(name))));
    if let ByteRanges::One(Span { first, last }) = wanted {
        headers.push(("content-range", format!("bytes {first}-{last}/{}", source.size)));
    }
    headers
}

/// Status and header fields of an origin response.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Answered<'a> {
    /// HTTP status.
    pub status: u16,
    /// `Content-Length`
    pub length: Option<&'a str>,
    /// `Content-Range`
    pub range: Option<&'a str>,
    /// `ETag`
    pub etag: Option<&'a str>,
    /// `Content-Encoding`
    pub encoding: Option<&'a str>,
}

/// Whether an origin response is the requested range of an object of that ETag (empty: unknown) and size: status, `Content-Range`, `Content-Length`, `ETag` and
/// no content coding. A field that is missing (length, the total of the range, the ETag), or a weak ETag, is unknown and says nothing against it: whoever reads
/// the body counts its bytes. `whole`: the range may come as the object, in a 200.
pub fn is_range(answer: Answered<'_>, span: Span, whole: bool, size: Option<u64>, etag: &str) -> bool {
    let right_place = match answer.status {
        200 => whole,
        206 => answer.range.and_then(ContentRange::parse).is_some_and(|range| {
            let right_total = range.total.is_none() || size.is_none() || range.total == size;
            (range.first, range.last) == (span.first, span.last) && right_total
        }),
        _ => false,
    };
    let right_length = answer.length.is_none_or(|text| text.trim().parse() == Ok(span.bytes()));
    right_place && right_length && may_be_version(answer.etag, etag) && !is_encoded(answer.encoding)
}

/// Checks by [`is_range`] that an origin response is the requested one.
///
/// # Errors
/// 502 `AnswerMismatch`: forwarding the response would send wrong bytes under correct headers.
pub fn check_answer(answer: Answered<'_>, source: &ContentDescriptor, span: Span) -> Result<(), Problem> {
    let whole = span.first == 0 && span.bytes() == source.size;
    if is_range(answer, span, whole, Some(source.size), &source.etag) {
        Ok(())
    } else {
        Err(Problem::Origin(OriginFailure::Unexpected("AnswerMismatch".to_owned())))
    }
}

/// Whether `Content-Encoding` names a coding that alters the bytes.
pub fn is_encoded(field: Option<&str>) -> bool {
    field.is_some_and(|encoding| !matches!(encoding.trim(), "" | "identity"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::content_descriptor::tests::source;

    #[test]
    fn several_ranges_have_the_length_and_type_of_their_multipart_body() {
        let spans = vec![Span { first: 0, last: 1 }, Span { first: 7, last: 9 }];
        let body = Multipart::new(&spans, "text/plain", 10, "B");
        let told = headers(&source(10, "text/plain"), &ByteRanges::Several(spans), Some(&body), Coding::Identity);
        let value = |name: &str| told.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("content-length"), Some(body.bytes().to_string().as_str()));
        assert_eq!((value("content-type"), value("content-range")), (Some("multipart/byteranges; boundary=B"), None));
    }

    #[test]
    fn whole_answer_is_none_to_a_range_at_either_end() {
        let source = source(10, "text/plain");
        let whole = Answered { status: 200, ..Answered::default() };
        assert_eq!(check_answer(whole, &source, Span { first: 0, last: 9 }), Ok(()));
        for span in [Span { first: 0, last: 8 }, Span { first: 1, last: 9 }] {
            assert!(check_answer(whole, &source, span).is_err(), "{span:?}");
        }
        let other = Answered { status: 206, range: Some("bytes 0-8/10"), ..Answered::default() };
        assert!(
            check_answer(other, &source, Span { first: 1, last: 8 }).is_err() && check_answer(other, &source, Span { first: 0, last: 7 }).is_err()
        );
    }

    #[test]
    fn range_gives_content_range_and_content_length() {
        let headers = headers(&source(10, "text/plain"), &ByteRanges::One(Span { first: 2, last: 4 }), None, Coding::Identity);
        let get = |name| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        assert_eq!((get("content-range"), get("content-length")), (Some("bytes 2-4/10"), Some("3")));
        assert_eq!(get("content-disposition"), Some("inline; filename=\"a.txt\""));
    }

    #[test]
    fn max_age_ends_with_the_url() {
        let cache_control = |expires, now| {
            let all = validators(&source(10, "text/plain"), None, Coding::Identity, EpochMs(expires), EpochMs(now));
            all.into_iter().find(|(name, _)| *name == "cache-control").map(|(_, value)| value)
        };
        assert_eq!(cache_control(10_000, 7_500).as_deref(), Some("private, max-age=2, no-transform"));
        assert_eq!(cache_control(7_200_000, 0).as_deref(), Some("private, max-age=3600, no-transform"));
    }

    #[test]
    fn identity_is_named_only_for_types_that_the_platform_would_compress() {
        let encoding = |content_type: &str| {
            let all = headers(&source(10, content_type), &ByteRanges::Whole, None, Coding::Identity);
            all.into_iter().find(|(name, _)| *name == "content-encoding").map(|(_, value)| value)
        };
        assert_eq!((encoding("text/plain").as_deref(), encoding("video/mp4"), encoding("application/octet-stream")), (Some("identity"), None, None));
    }

    #[test]
    fn only_whole_answers_of_a_namespace_that_asks_are_compressed() {
        let plain = source(10, "text/csv");
        let text = ContentDescriptor { compress: true, ..plain.clone() };
        assert_eq!(Coding::of(&text, &ByteRanges::Whole, true), Coding::Gzip);
        let (one, several) = (ByteRanges::One(Span { first: 0, last: 9 }), ByteRanges::Several(vec![]));
        for (source, wanted, asks) in
            [(&plain, &ByteRanges::Whole, true), (&text, &ByteRanges::Whole, false), (&text, &one, true), (&text, &several, true)]
        {
            assert_eq!(Coding::of(source, wanted, asks), Coding::Identity);
        }
        assert_eq!(Coding::of(&ContentDescriptor { size: 0, ..text.clone() }, &ByteRanges::Whole, true), Coding::Identity);
        let get = |all: &[(&'static str, String)], name: &str| all.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let fields = headers(&text, &ByteRanges::Whole, None, Coding::Gzip);
        assert_eq!((get(&fields, "content-encoding").as_deref(), get(&fields, "content-length")), (Some("gzip"), None));
        let fields = validators(&text, None, Coding::Gzip, EpochMs(0), EpochMs(0));
        assert_eq!((get(&fields, "etag").as_deref(), get(&fields, "vary").as_deref()), (Some("W/\"e\""), Some("Accept-Encoding")));
        let fields = validators(&text, None, Coding::Identity, EpochMs(0), EpochMs(0));
        assert_eq!(
            (get(&fields, "etag").as_deref(), get(&fields, "vary").as_deref()),
            (Some("\"e\""), Some("Accept-Encoding")),
            "the same URL, another answer"
        );
        assert_eq!(get(&validators(&plain, None, Coding::Identity, EpochMs(0), EpochMs(0)), "vary"), None);
    }

    #[test]
    fn only_a_response_for_the_requested_range_and_etag_is_accepted() {
        let (part, whole) = (Span { first: 2, last: 4 }, Span { first: 0, last: 9 });
        let right = Answered { status: 206, length: Some("3"), range: Some("bytes 2-4/10"), etag: Some("\"e\""), encoding: None };
        let check = |answer, span| check_answer(answer, &source(10, "text/plain"), span).is_ok();
        assert!(check(right, part));
        assert!(check(Answered { status: 200, length: Some("10"), ..Answered::default() }, whole));
        assert!(check(Answered { length: Some("10"), range: Some("bytes 0-9/10"), ..right }, whole));
        for same in [
            Answered { length: None, ..right },
            Answered { range: Some("bytes 2-4/*"), ..right },
            Answered { range: Some("Bytes 2-4 / 10"), ..right },
            Answered { etag: None, ..right },
            Answered { etag: Some("W/\"e\""), ..right },
            Answered { etag: Some("W/\"f\""), ..right },
            Answered { etag: Some("\"\"W/\"e\"\"\""), ..right },
            Answered { encoding: Some("identity"), ..right },
        ] {
            assert!(check(same, part), "{same:?}");
        }
        assert!(check(Answered { status: 200, ..Answered::default() }, whole), "of unknown length");
        let unknown = ContentDescriptor { etag: String::new(), ..source(10, "text/plain") };
        assert!(check_answer(right, &unknown, part).is_ok(), "of unknown version");
        for wrong in [
            Answered { status: 200, length: Some("10"), ..right },
            Answered { status: 200, ..right },
            Answered { length: Some("2"), ..right },
            Answered { length: Some("x"), ..right },
            Answered { range: Some("bytes 3-5/10"), ..right },
            Answered { range: Some("bytes 3-5/*"), ..right },
            Answered { length: None, range: Some("bytes 2-5/10"), ..right },
            Answered { range: Some("bytes 2-4/11"), ..right },
            Answered { range: None, ..right },
            Answered { etag: Some("\"f\""), ..right },
            Answered { encoding: Some("gzip"), ..right },
        ] {
            assert!(!check(wrong, part), "{wrong:?}");
        }
        assert!(!check(Answered { status: 200, length: Some("10"), etag: Some("\"f\""), ..Answered::default() }, whole));
    }
}
