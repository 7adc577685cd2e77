//! The only percent-encoder: the signed request and the sent one come from the same functions, so that they cannot differ.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986 section 2.3, as AWS's `UriEncode` requires.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same with '/' literal, for object keys in paths.
const PATH: &AsciiSet = &STRICT.remove(b'/');

/// Encodes a query name or value, or one path segment; '/' included.
pub fn component(text: &str) -> String {
    utf8_percent_encode(text, STRICT).to_string()
}

/// Encodes a path; '/' stays literal. S3 encodes the key once and never normalises it.
pub fn path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// The canonical query string, which is also the one sent: encoded, then sorted by name and value
/// (AWS General Reference, "Create a canonical request", step 3).
pub fn query(pairs: &[(String, String)]) -> String {
    let mut encoded: Vec<(String, String)> = pairs.iter().map(|(name, value)| (component(name), component(value))).collect();
    encoded.sort_unstable();
    let mut out = String::new();
    for (name, value) in encoded {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&name);
        out.push('=');
        out.push_str(&value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_and_non_ascii_characters_are_percent_encoded() {
        assert_eq!(path("/a b/100%.txt/+=#?~'\"é"), "/a%20b/100%25.txt/%2B%3D%23%3F~%27%22%C3%A9");
        assert_eq!(component("a/b"), "a%2Fb");
    }

    #[test]
    fn query_pairs_are_encoded_then_sorted() {
        let pairs = [("b", "2"), ("a", "/"), ("a", "-"), ("B", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(query(&pairs), "B=&a=%2F&a=-&b=2");
    }
}
