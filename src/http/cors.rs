//! CORS (Fetch standard, section 3.2): on every status, errors and preflights included.

/// Headers a browser may read beyond the safelisted ones.
const EXPOSED: &str = "Accept-Ranges, Cache-Status, Content-Disposition, Content-Length, Content-Range, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, \
     Server-Timing, X-Request-Id";

/// How long a browser may keep a preflight answer, s; Chromium caps it at two hours.
const PREFLIGHT_SECONDS: &str = "7200";

/// The CORS headers of an answer. `/files` and `/v` are for everybody: their token is in the path.
pub fn headers(path: &str, origin: Option<&str>, allowed: &[String]) -> Vec<(&'static str, String)> {
    let open = path.starts_with("/files/") || path.starts_with("/v/") || allowed.iter().any(|entry| entry == "*");
    let mut headers = Vec::new();
    if open {
        headers.push(("access-control-allow-origin", "*".to_owned()));
    } else {
        // The answer depends on who asks, also when the answer is no.
        headers.push(("vary", "Origin".to_owned()));
        let Some(origin) = origin.filter(|origin| allowed.iter().any(|entry| entry == origin)) else {
            return headers;
        };
        headers.push(("access-control-allow-origin", origin.to_owned()));
    }
    headers.push(("access-control-expose-headers", EXPOSED.to_owned()));
    headers
}

/// What a preflight answers beyond [`headers`]: the path's methods and the headers that were asked for.
pub fn preflight(allow: &str, requested_headers: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("access-control-allow-methods", allow.to_owned()), ("access-control-max-age", PREFLIGHT_SECONDS.to_owned())];
    let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b',' | b' ' | b'_'));
    if let Some(requested) = requested_headers.filter(plain) {
        headers.push(("access-control-allow-headers", requested.to_owned()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow_origin(path: &str, origin: &str, allowed: &[&str]) -> Option<String> {
        let allowed: Vec<String> = allowed.iter().map(|entry| (*entry).to_owned()).collect();
        headers(path, Some(origin), &allowed).into_iter().find(|(name, _)| *name == "access-control-allow-origin").map(|(_, value)| value)
    }

    #[test]
    fn content_is_open_and_the_api_follows_the_list() {
        assert_eq!(allow_origin("/files/t/n", "https://x", &["https://a"]).as_deref(), Some("*"));
        assert_eq!(allow_origin("/api/health", "https://a", &["https://a"]).as_deref(), Some("https://a"));
        assert_eq!(allow_origin("/api/health", "https://x", &["https://a"]), None);
        assert_eq!(allow_origin("/api/health", "https://x", &["*"]).as_deref(), Some("*"));
    }

    #[test]
    fn a_preflight_echoes_plain_header_names_only() {
        assert!(preflight("GET", Some("x-api-secret, authorization")).iter().any(|(name, _)| *name == "access-control-allow-headers"));
        assert!(!preflight("GET", Some("a\r\nb")).iter().any(|(name, _)| *name == "access-control-allow-headers"));
    }
}
