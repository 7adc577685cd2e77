//! ETags of the store.

/// An ETag as it stands in a header or an answer: `"x"`, `W/"x"`, and what gateways make of these, down to `""W/"x"""`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ETag<'a> {
    /// The tag itself, which holds no quote (RFC 9110 section 8.8.3).
    pub opaque: &'a str,
    /// Whether it is marked as weak: a gateway may have changed the answer on its way, so its other fields describe that form of it.
    pub weak: bool,
}

impl<'a> ETag<'a> {
    /// Reads a tag in any quoting. A quote may also come as an entity, where an answer was escaped twice.
    pub fn parse(text: &'a str) -> ETag<'a> {
        let (mut opaque, mut weak) = (text.trim(), false);
        loop {
            let before = opaque;
            for quote in QUOTES {
                opaque = opaque.strip_prefix(quote).unwrap_or(opaque);
                opaque = opaque.strip_suffix(quote).unwrap_or(opaque);
            }
            // Without a quote behind it, the mark belongs to the tag.
            let marked = opaque.strip_prefix("W/").or_else(|| opaque.strip_prefix("w/")).map(str::trim_start);
            if let Some(rest) = marked.filter(|rest| QUOTES.iter().any(|quote| rest.starts_with(quote))) {
                (opaque, weak) = (rest, true);
            }
            opaque = opaque.trim();
            if opaque == before {
                return ETag { opaque, weak };
            }
        }
    }
}

const QUOTES: [&str; 3] = ["\"", "&quot;", "&#34;"];

/// Whether an answer with the header field `etag` may be of the version whose strong tag is `known` (empty: unknown). Neither an answer without a tag nor one
/// with a weak tag is another version: a gateway that changes an answer on its way makes up a tag for that form of it.
pub fn may_be_version(etag: Option<&str>, known: &str) -> bool {
    known.is_empty() || etag.map(ETag::parse).is_none_or(|tag| tag.weak || tag.opaque == known)
}

/// The tag itself, whether weak or not.
pub fn unquote(etag: &str) -> &str {
    ETag::parse(etag).opaque
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_strong_tag_is_another_version() {
        for (etag, known, may_be) in [
            (Some("\"a\""), "a", true),
            (Some("\"b\""), "a", false),
            (Some("W/\"a\""), "a", true),
            (Some("W/\"b\""), "a", true),
            (None, "a", true),
            (Some("\"b\""), "", true),
        ] {
            assert_eq!(may_be_version(etag, known), may_be, "{etag:?} {known}");
        }
    }

    #[test]
    fn every_quoting_gives_the_tag_itself_and_whether_it_is_weak() {
        for (given, opaque, weak) in [
            ("\"a\"", "a", false),
            (" \"a\" ", "a", false),
            ("a", "a", false),
            ("\"\"", "", false),
            ("\"", "", false),
            ("", "", false),
            ("\"\"a\"\"", "a", false),
            ("\"a", "a", false),
            ("W/\"a\"", "a", true),
            ("w/\"a\"", "a", true),
            ("W/ \"a\"", "a", true),
            ("\"W/\"a\"\"", "a", true),
            ("\"\"W/\"a\"\"\"", "a", true),
            ("W/\"\"a\"\"", "a", true),
            ("W/\"W/\"a\"\"", "a", true),
            ("&quot;a-2&quot;", "a-2", false),
            ("W/&#34;a&#34;", "a", true),
            ("W/a", "W/a", false),
            ("\"W/a\"", "W/a", false),
        ] {
            assert_eq!(ETag::parse(given), ETag { opaque, weak }, "{given}");
            assert_eq!(unquote(given), opaque, "{given}");
        }
    }
}
