//! ETags of the store.

/// An ETag as it stands in a header or an answer, without its quotes.
pub fn unquote(etag: &str) -> &str {
    let inner = etag.trim();
    inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_of_quotes_is_removed() {
        for (given, expected) in
            [("\"a\"", "a"), (" \"a\" ", "a"), ("a", "a"), ("\"", "\""), ("\"a", "\"a"), ("\"\"", ""), ("", ""), ("\"\"a\"\"", "\"a\"")]
        {
            assert_eq!(unquote(given), expected, "{given}");
        }
    }
}
