//! Validation of request fields that several routes take: names, hashes, media types, sizes.

use mime::Mime;

use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::units::MAX_SAFE_INTEGER;
use crate::http::media_type;
use crate::problem::Problem;

/// The longest file name, bytes: four times what file systems take, so that no real name is refused.
pub const MAX_NAME_BYTES: usize = 1024;

/// The longest media type: RFC 6838 section 4.2 allows 127 + 1 + 127, parameters beside it.
const MAX_TYPE_BYTES: usize = 255;

/// A size that is at least one byte and that JSON carries exactly.
pub fn check_file_size(size: u64) -> Result<(), Problem> {
    if (1..=MAX_SAFE_INTEGER).contains(&size) { Ok(()) } else { Err(Problem::invalid("fileSize", "must be from 1 to 2^53-1")) }
}

/// A name of 1..=1,024 bytes without control characters.
pub fn check_file_name(field: &'static str, name: &str) -> Result<String, Problem> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Problem::invalid(field, "must be 1 to 1,024 bytes of UTF-8"));
    }
    if name.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "must not hold control characters"));
    }
    Ok(name.to_owned())
}

/// Refuses what was not UTF-8 on its way: the runtime turns such bytes of a header into U+FFFD.
pub fn check_utf8_header<'a>(field: &'static str, value: &'a str) -> Result<&'a str, Problem> {
    if value.contains('\u{fffd}') { Err(Problem::invalid(field, "must be UTF-8, or percent-encoded UTF-8")) } else { Ok(value) }
}

/// A body's `Content-Encoding`: none, or `identity`. Anything else would be stored encoded, or read as JSON without having been decoded.
///
/// # Errors
/// [`Problem::EncodedBody`].
pub fn check_encoding(field: Option<&str>) -> Result<(), Problem> {
    let codings = field.unwrap_or_default().split(',').map(str::trim).filter(|coding| !coding.is_empty());
    if codings.into_iter().all(|coding| coding.eq_ignore_ascii_case("identity")) { Ok(()) } else { Err(Problem::EncodedBody) }
}

/// A media type that fits into a header, or the one the name suggests.
pub fn check_content_type(given: Option<&str>, file_name: &str) -> Result<String, Problem> {
    match given.map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(media_type::of_name(file_name).unwrap_or("application/octet-stream").to_owned()),
        Some(text) => {
            // Without its parameters, which are passed on as they are: `mime` refuses some that RFC 9110 allows (`text/plain ; a=""`).
            let essence = text.split(';').next().unwrap_or_default().trim();
            // `mime` takes a type without a subtype, and any token; RFC 6838 section 4.2 allows less, above all no `*`, which makes it a range.
            let is_named = |parsed: Mime| !parsed.subtype().as_str().is_empty() && !essence.contains(['*', '%', '\'', '`', '|', '~']);
            let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
            if text.len() <= MAX_TYPE_BYTES && printable && essence.parse().is_ok_and(is_named) {
                Ok(text.to_owned())
            } else {
                Err(Problem::invalid("contentType", "must be a media type such as video/mp4"))
            }
        }
    }
}

/// A SHA-256 in hex, if there is one.
pub fn check_hash(field: &'static str, hash: Option<&str>) -> Result<Option<Sha256Hex>, Problem> {
    hash.map(|hash| Sha256Hex::parse(hash.trim()).ok_or_else(|| Problem::invalid(field, "must be 64 hex digits"))).transpose()
}

/// The hashes of chunks, if there are any.
pub fn check_chunk_hashes(hashes: Option<&[String]>) -> Result<Option<Vec<Sha256Hex>>, Problem> {
    let parse = |hash: &String| Sha256Hex::parse(hash).ok_or_else(|| Problem::invalid("chunkHashes", "must hold 64 hex digits each"));
    hashes.map(|hashes| hashes.iter().map(parse).collect()).transpose()
}

/// A namespace's name, if there is one.
pub fn check_namespace(field: &'static str, name: Option<&str>) -> Result<Option<Name>, Problem> {
    name.map(|name| Name::parse(name).ok_or_else(|| Problem::invalid(field, "must match [A-Za-z0-9][A-Za-z0-9._-]{0,127}"))).transpose()
}

/// Parses a session id; malformed ids give 404, like unknown ones.
pub fn check_session(id: &str) -> Result<Id, Problem> {
    Id::parse(id).ok_or(Problem::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_1_to_1024_bytes_without_controls_is_kept() {
        for good in ["a", &"x".repeat(1024), "\u{e4} b.txt"] {
            assert_eq!(check_file_name("fileName", good).as_deref(), Ok(good));
        }
        for bad in ["", &"x".repeat(1025), "a\n", "\u{7f}"] {
            assert!(matches!(check_file_name("fileName", bad), Err(Problem::Invalid { field, .. }) if field == "fileName"), "{bad:?}");
        }
    }

    #[test]
    fn size_of_1_to_2_to_the_53_minus_1_is_accepted() {
        assert!(check_file_size(1).is_ok() && check_file_size((1 << 53) - 1).is_ok());
        assert!(check_file_size(0).is_err() && check_file_size(1 << 53).is_err());
    }

    #[test]
    fn only_identity_is_an_accepted_encoding() {
        for accepted in [None, Some(""), Some("identity"), Some(" Identity , identity")] {
            assert_eq!(check_encoding(accepted), Ok(()));
        }
        for refused in ["gzip", "br", "identity, gzip", "aws-chunked", "x"] {
            assert_eq!(check_encoding(Some(refused)), Err(Problem::EncodedBody), "{refused}");
        }
    }

    #[test]
    fn header_with_replaced_bytes_is_refused_with_its_name() {
        assert_eq!(check_utf8_header("X-File-Name", "na\u{ef}ve"), Ok("na\u{ef}ve"));
        let refused = check_utf8_header("X-File-Name", "na\u{fffd}ve");
        assert!(matches!(refused, Err(Problem::Invalid { field, .. }) if field == "X-File-Name"));
    }

    #[test]
    fn well_formed_media_type_is_kept_as_it_is() {
        let longest = format!("a/{}", "b".repeat(MAX_TYPE_BYTES - 2));
        for given in [
            "video/mp4",
            "Text/HTML; charset=UTF-8",
            "text/plain ; charset=utf-8",
            "text/plain;",
            "text/plain; a=\"\"",
            "text/plain;;",
            "image/svg+xml",
            "application/vnd.a-b.c_d+e+f",
            "x/+",
            "!#$&-^_.+/!#$&-^_.+",
            "video/mp4; codecs=\"avc1.42E01E, mp4a.40.2\"",
            longest.as_str(),
        ] {
            assert_eq!(check_content_type(Some(given), "a.txt").as_deref(), Ok(given));
            assert_eq!(check_content_type(Some(&format!(" {given} ")), "a.txt").as_deref(), Ok(given));
        }
    }

    #[test]
    fn missing_or_blank_media_type_comes_from_the_name() {
        for given in [None, Some(""), Some("  ")] {
            assert_eq!(check_content_type(given, "a.txt").as_deref(), Ok("text/plain"));
            assert_eq!(check_content_type(given, "a").as_deref(), Ok("application/octet-stream"));
        }
    }

    #[test]
    fn malformed_media_type_is_refused() {
        let too_long = format!("a/{}", "b".repeat(MAX_TYPE_BYTES - 1));
        for given in [
            "text",
            "text/",
            "/plain",
            "/",
            ";",
            "a/b/c",
            "a b/c",
            "a/b c",
            "text /plain",
            "text/ plain",
            "*/*",
            "text/*",
            "a%/b",
            "a/b'",
            "a/`",
            "a/b|c",
            "~/b",
            "a,b/c",
            "a/\u{fc}",
            "a/b; c=\u{fc}",
            "a/b\nc",
            "a/b; c=\r\nd",
            "a/b;\0",
            "a/\"b\"",
            "a/b@c",
            &too_long,
        ] {
            assert!(matches!(check_content_type(Some(given), "a.txt"), Err(Problem::Invalid { field, .. }) if field == "contentType"), "{given:?}");
        }
    }
}
