//! HeadObject, and what an answer says of an object.

use crate::s3::action::{Action, action};
use crate::s3::content_range::ContentRange;
use crate::s3::etag::ETag;

/// HeadObject.
pub fn head_object(key: &str) -> Action {
    let mut action = action("HEAD", Some(key), &[]);
    // A gateway that may compress the answer leaves out its length and weakens its ETag.
    action.plain_headers.push(("accept-encoding", "identity".to_owned()));
    action
}

/// What an answer of HeadObject, or of GetObject for the first byte, says of the object. What it lacks is unknown: it says nothing against the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Size, bytes.
    pub size: Option<u64>,
    /// ETag, without quotes.
    pub etag: Option<String>,
    /// Whether the ETag is marked as weak.
    pub weak: bool,
}

impl Description {
    /// Reads the headers of a successful answer of that status.
    pub fn read(status: u16, header: impl Fn(&str) -> Option<String>) -> Description {
        // In a content coding, the fields are those of the coded form.
        let coded = header("content-encoding").is_some_and(|coding| !matches!(coding.trim(), "" | "identity"));
        let size = match status {
            206 => header("content-range").and_then(|text| ContentRange::parse(&text)?.total),
            _ => header("content-length").and_then(|text| text.trim().parse().ok()),
        };
        let etag = header("etag");
        let etag = etag.as_deref().map(ETag::parse).filter(|etag| !etag.opaque.is_empty());
        Description {
            size: size.filter(|_| !coded),
            etag: etag.map(|etag| etag.opaque.to_owned()),
            weak: etag.is_some_and(|etag| etag.weak || coded),
        }
    }

    /// Whether nothing is left to ask.
    pub fn is_certain(&self) -> bool {
        self.size.is_some() && self.etag.is_some() && !self.weak
    }

    /// This description, with what `other` knows better.
    #[must_use]
    pub fn completed_by(self, other: Description) -> Description {
        let size = self.size.or(other.size);
        let keeps = self.etag.is_some() && (!self.weak || other.etag.is_none() || other.weak);
        let (etag, weak) = if keeps { (self.etag, self.weak) } else { (other.etag, other.weak) };
        Description { size, etag, weak }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&str, &str)]) -> Description {
        Description::read(status, |name| headers.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
    }

    fn known(size: Option<u64>, etag: Option<&str>, weak: bool) -> Description {
        Description { size, etag: etag.map(str::to_owned), weak }
    }

    #[test]
    fn missing_and_weakened_fields_are_unknown() {
        assert_eq!(read(200, &[("content-length", " 7 "), ("etag", "\"a\"")]), known(Some(7), Some("a"), false));
        assert!(read(200, &[("content-length", "7"), ("etag", "\"a\"")]).is_certain());
        for (headers, expected) in [
            (&[("etag", "\"a\"")][..], known(None, Some("a"), false)),
            (&[("content-length", "7")], known(Some(7), None, false)),
            (&[("content-length", "7"), ("etag", "\"\"")], known(Some(7), None, false)),
            (&[("content-length", "7"), ("etag", "W/\"a\"")], known(Some(7), Some("a"), true)),
            (&[("content-length", "x"), ("etag", "\"a\"")], known(None, Some("a"), false)),
            (&[("content-length", "7"), ("etag", "\"a\""), ("content-encoding", "gzip")], known(None, Some("a"), true)),
            (&[], known(None, None, false)),
        ] {
            let read = read(200, headers);
            assert!(read == expected && !read.is_certain(), "{headers:?}: {read:?}");
        }
    }

    #[test]
    fn answer_for_the_first_byte_gives_the_size_of_the_whole() {
        assert_eq!(read(206, &[("content-length", "1"), ("content-range", "bytes 0-0/9"), ("etag", "\"a\"")]), known(Some(9), Some("a"), false));
        assert_eq!(read(206, &[("content-length", "1"), ("content-range", "bytes 0-0/*")]), known(None, None, false));
        assert_eq!(read(200, &[("content-length", "9")]), known(Some(9), None, false), "the range was ignored");
    }

    #[test]
    fn strong_etag_completes_a_weak_one_and_not_the_other_way_round() {
        let (weak, strong) = (known(None, Some("w"), true), known(Some(9), Some("s"), false));
        assert_eq!(weak.clone().completed_by(strong.clone()), strong);
        assert_eq!(strong.clone().completed_by(weak.clone()), strong);
        assert_eq!(weak.clone().completed_by(known(Some(9), None, false)), known(Some(9), Some("w"), true));
        assert_eq!(weak.clone().completed_by(known(Some(9), Some("v"), true)), known(Some(9), Some("w"), true));
        assert_eq!(known(Some(9), None, false).completed_by(weak), known(Some(9), Some("w"), true));
    }
}
