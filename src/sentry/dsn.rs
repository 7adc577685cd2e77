//! Where failures are sent to: a DSN (develop.sentry.dev, "DSN").

use std::fmt;

/// A DSN, `https://<key>@<host>/<project>`, with or without a port and a path before the project.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    endpoint: String,
    key: String,
}

impl fmt::Debug for Dsn {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dsn").field(&self.endpoint).finish()
    }
}

impl Dsn {
    /// Reads a DSN; `None` for a malformed one. The secret behind the key, which old ones have, is not needed.
    pub fn parse(text: &str) -> Option<Dsn> {
        let (scheme, rest) = text.split_once("://")?;
        let (keys, rest) = rest.split_once('@')?;
        let key = keys.split_once(':').map_or(keys, |(key, _)| key);
        let (place, project) = rest.rsplit_once('/')?;
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let host = place.split('/').next().unwrap_or_default();
        let is_host = host.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[');
        let is_place = place.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/' | b'[' | b']'));
        let is_valid = matches!(scheme, "https" | "http") && is_word(key) && is_host && is_place && is_word(project);
        is_valid.then(|| Dsn { endpoint: format!("{scheme}://{place}/api/{project}/envelope/"), key: key.to_owned() })
    }

    /// URL that envelopes are posted to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Header fields of an envelope.
    pub fn headers(&self, version: &str) -> [(&'static str, String); 2] {
        let auth = format!("Sentry sentry_version=7, sentry_client=jettyspeed-edge/{version}, sentry_key={}", self.key);
        [("content-type", "application/x-sentry-envelope".to_owned()), ("x-sentry-auth", auth)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_dsn_gives_the_endpoint_and_the_key_is_in_no_debug_text() {
        for (text, endpoint) in [
            ("https://abc123@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/"),
            ("https://abc123:old@sentry.example.com/42", "https://sentry.example.com/api/42/envelope/"),
            ("http://abc123@127.0.0.1:9000/some/path/42", "http://127.0.0.1:9000/some/path/api/42/envelope/"),
        ] {
            let dsn = Dsn::parse(text).unwrap();
            assert_eq!(dsn.endpoint(), endpoint);
            assert!(!format!("{dsn:?}").contains("abc123"));
            let [_, (_, auth)] = dsn.headers("1.2.3");
            assert_eq!(auth, "Sentry sentry_version=7, sentry_client=jettyspeed-edge/1.2.3, sentry_key=abc123");
        }
    }

    #[test]
    fn malformed_dsns_are_refused() {
        for text in [
            "",
            "abc",
            "https://sentry.example.com/42",
            "https://@sentry.example.com/42",
            "https://abc@sentry.example.com",
            "https://abc@sentry.example.com/",
            "https://abc@/42",
            "ftp://abc@sentry.example.com/42",
            "https://a b@sentry.example.com/42",
            "https://abc@sentry.example.com/42?x=1",
            "https://abc@sentry.example.com/4 2",
            "https://abc@sentry.example.com#/42",
            "https://abc@evil@sentry.example.com/42",
        ] {
            assert_eq!(Dsn::parse(text), None, "{text}");
        }
    }
}
