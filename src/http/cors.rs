//! CORS headers (Fetch standard, section 3.2) for every response, errors and preflights included.

/// Headers a browser may read beyond the safelisted ones.
const EXPOSED: &str = "Accept-Ranges, Cache-Status, Content-Disposition, Content-Length, Content-Range, ETag, Idempotent-Replayed, Jetty-File-Id, \
     Location, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, \
     Upload-Complete, Upload-Concat, Upload-Defer-Length, Upload-Draft-Interop-Version, Upload-Expires, Upload-Incomplete, Upload-Length, Upload-Limit, Upload-Metadata, Upload-Offset, X-Request-Id";

/// How long a browser may cache a preflight response, s; Chromium caps it at two hours.
const PREFLIGHT_SECONDS: &str = "7200";

/// The CORS headers of a response. `/files` and `/v` allow every origin: their token is in the path, so no credentials are sent.
pub fn headers(path: &str, origin: Option<&str>, allowed: &[String]) -> Vec<(&'static str, String)> {
    let open = path.starts_with("/files/") || path.starts_with("/v/") || allowed.iter().any(|entry| entry == "*");
    let mut headers = Vec::new();
    if open {
        headers.push(("access-control-allow-origin", "*".to_owned()));
    } else {
        // The response depends on Origin, also when the origin is not allowed.
        headers.push(("vary", "Origin".to_owned()));
        let Some(origin) = origin.filter(|origin| allowed.iter().any(|entry| entry == origin)) else {
            return headers;
        };
        headers.push(("access-control-allow-origin", origin.to_owned()));
    }
    headers.push(("access-control-expose-headers", EXPOSED.to_owned()));
    headers
}

/// Headers of a preflight response beyond [`headers`]: the path's methods and the requested headers.
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
    fn content_paths_allow_every_origin_and_api_paths_only_listed_ones() {
        assert_eq!(allow_origin("/files/t/n", "https://x", &["https://a"]).as_deref(), Some("*"));
        assert_eq!(allow_origin("/api/health", "https://a", &["https://a"]).as_deref(), Some("https://a"));
        assert_eq!(allow_origin("/api/health", "https://x", &["https://a"]), None);
        assert_eq!(allow_origin("/api/health", "https://x", &["*"]).as_deref(), Some("*"));
    }

    #[test]
    fn answers_that_depend_on_the_origin_have_vary_origin_and_open_ones_have_not() {
        let listed = ["https://a".to_owned()];
        let varies = |path, origin, allowed: &[String]| headers(path, origin, allowed).contains(&("vary", "Origin".to_owned()));
        assert!(varies("/api/health", Some("https://a"), &listed), "an allowed origin");
        assert!(
            varies("/api/health", Some("https://x"), &listed) && varies("/api/health", None, &listed),
            "a shared cache must not give it to an allowed one"
        );
        assert!(!varies("/files/t/n", Some("https://x"), &listed) && !varies("/v/t/n", Some("https://x"), &listed));
        assert!(!varies("/api/health", Some("https://x"), &["*".to_owned()]));
    }

    #[test]
    fn headers_are_exposed_to_allowed_origins_only() {
        let listed = ["https://a".to_owned()];
        let exposes = |origin| {
            headers("/api/health", Some(origin), &listed).iter().any(|(name, value)| *name == "access-control-expose-headers" && value == EXPOSED)
        };
        assert!(exposes("https://a") && !exposes("https://x"));
    }

    #[test]
    fn preflight_echoes_valid_header_names_and_drops_invalid_ones() {
        assert!(preflight("GET", Some("x-api-secret, authorization")).iter().any(|(name, _)| *name == "access-control-allow-headers"));
        assert!(!preflight("GET", Some("a\r\nb")).iter().any(|(name, _)| *name == "access-control-allow-headers"));
    }
}
