//! The header fields of content, and whether the store's answer may be passed on as it.

use super::disposition;
use super::range::Wanted;
use crate::assets::asset::Asset;
use crate::problem::{OriginFailure, Problem};
use crate::s3::xml::unquote;

/// `ETag` and `Last-Modified`. The object under a key never changes, so the store's ETag is a strong validator.
pub fn validators(asset: &Asset) -> Vec<(&'static str, String)> {
    vec![
        ("etag", format!("\"{}\"", asset.version())),
        ("last-modified", asset.created_at.http_date()),
        // A token in the URL is the only proof: shared caches must not outlive it.
        ("cache-control", "private, max-age=3600".to_owned()),
        ("cache-status", "JettySpeed; fwd=miss".to_owned()),
    ]
}

/// All fields of a 200 or 206.
pub fn headers(asset: &Asset, wanted: Wanted) -> Vec<(&'static str, String)> {
    let mut headers = validators(asset);
    headers.extend([
        ("content-type", asset.content_type.clone()),
        ("content-length", wanted.len(asset.size).to_string()),
        ("content-disposition", disposition::inline(&asset.name)),
        ("accept-ranges", "bytes".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        // Otherwise the runtime compresses text types on the way out, and the length is gone (measured; "no-transform" does not stop it).
        ("content-encoding", "identity".to_owned()),
        // Uploaded HTML must not run as this origin.
        ("content-security-policy", "sandbox".to_owned()),
    ]);
    if let Wanted::Slice { first, last } = wanted {
        headers.push(("content-range", format!("bytes {first}-{last}/{}", asset.size)));
    }
    headers
}

/// Whether If-None-Match names the version we have (RFC 9110 section 13.1.2: a weak comparison).
pub fn not_modified(if_none_match: Option<&str>, etag: &str) -> bool {
    if_none_match.is_some_and(|field| field.trim() == "*" || field.split(',').any(|tag| unquote(tag.trim().trim_start_matches("W/")) == etag))
}

/// Whether what the store sends is what was asked for: the right status, version and length.
///
/// # Errors
/// 502: passing it on would hand out wrong bytes under right headers.
pub fn check_answer(status: u16, length: Option<&str>, etag: Option<&str>, asset: &Asset, wanted: Wanted) -> Result<(), Problem> {
    let expected = if wanted == Wanted::Whole { 200 } else { 206 };
    let right_length = length.and_then(|text| text.trim().parse().ok()) == Some(wanted.len(asset.size));
    let right_version = etag.is_none_or(|etag| unquote(etag) == asset.etag);
    if status == expected && right_length && right_version {
        Ok(())
    } else {
        Err(Problem::Origin(OriginFailure::Unexpected("AnswerMismatch".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Id, Name};
    use crate::units::EpochMs;

    fn asset() -> Asset {
        Asset {
            id: Id::from_random([1; 16]),
            account_id: Id::from_random([2; 16]),
            object_id: Id::from_random([3; 16]),
            name: "a.txt".into(),
            content_type: "text/plain".into(),
            namespace: Name::parse("ns").unwrap(),
            s3_key: "k".into(),
            size: 10,
            etag: "e".into(),
            claimed_sha256: None,
            sha256: None,
            verification: "none".into(),
            created_at: EpochMs(0),
            owner_status: "active".into(),
            borrowed: false,
        }
    }

    #[test]
    fn headers_of_a_slice() {
        let headers = headers(&asset(), Wanted::Slice { first: 2, last: 4 });
        let get = |name| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        assert_eq!(get("content-range"), Some("bytes 2-4/10"));
        assert_eq!(get("content-length"), Some("3"));
        assert_eq!(get("etag"), Some("\"e\""));
    }

    #[test]
    fn only_the_asked_for_answer_is_passed_on() {
        let slice = Wanted::Slice { first: 2, last: 4 };
        let check = |status, length, etag, wanted| check_answer(status, Some(length), etag, &asset(), wanted).is_ok();
        assert!(check(206, "3", Some("\"e\""), slice) && check(200, "10", None, Wanted::Whole));
        assert!(!check(200, "10", Some("\"e\""), slice), "the whole object for a range");
        assert!(!check(206, "2", Some("\"e\""), slice) && !check(206, "3", Some("\"f\""), slice));
        assert!(check_answer(200, None, None, &asset(), Wanted::Whole).is_err());
    }

    #[test]
    fn if_none_match_in_its_forms() {
        assert!(not_modified(Some("\"x\", W/\"e\""), "e") && not_modified(Some("*"), "e"));
        assert!(!not_modified(Some("\"x\""), "e") && !not_modified(None, "e"));
    }
}
