//! The store's presigned URL of a file: it is used without this service, so nothing stops it before its end.

/// Validity, ms (docs/api.md, `GET /api/storage/download`).
pub const TTL_MS: u64 = 300_000;

/// Whether `download` gives the URL: only on demand (`direct=1`), because it is billed in full when it is issued. A HEAD response has no body to give it in.
/// The key of a borrowed object would disclose its owner.
pub fn is_wanted(direct: Option<&str>, method: &str, borrowed: bool) -> bool {
    direct == Some("1") && method != "HEAD" && !borrowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_url_is_given_on_demand_only() {
        for (direct, method, borrowed, expected) in [
            (Some("1"), "GET", false, true),
            (None, "GET", false, false),
            (Some("0"), "GET", false, false),
            (Some(""), "GET", false, false),
            (Some("true"), "GET", false, false),
            (Some("1"), "HEAD", false, false),
            (Some("1"), "GET", true, false),
        ] {
            assert_eq!(is_wanted(direct, method, borrowed), expected, "{direct:?} {method} {borrowed}");
        }
    }
}
