//! The cookie of a signed-in browser: a signed session id, so that a cookie that was not issued here costs no lookup.

use serde::{Deserialize, Serialize};

use crate::auth::signed_token::Kind;
use crate::base::hmac::MacKey;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::problem::{AuthFailure, Problem};

/// Prefix of the token.
pub const PREFIX: &str = "jtd1.";

const KIND: Kind = Kind { prefix: PREFIX, purpose: b"jettyspeed browser session 1\n" };

/// Lifetime of a session, ms.
pub const TTL_MS: u64 = 8 * 3600 * 1000;

/// Name of the cookie where the browser speaks HTTPS: with this prefix no other host and no plain connection can set it (RFC 6265bis, section 4.1.3.2).
const SECURE_NAME: &str = "__Host-jettyspeed";

/// Its name on a developer's machine.
const LOCAL_NAME: &str = "jettyspeed";

/// What the cookie says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserClaims {
    /// The session.
    #[serde(rename = "s")]
    pub session: Id,
    /// Valid before this instant.
    #[serde(rename = "e")]
    pub expires: EpochMs,
}

impl BrowserClaims {
    /// The token, signed with the first key.
    ///
    /// # Errors
    /// [`Problem::Internal`] without a key.
    pub fn seal(&self, keys: &[MacKey]) -> Result<String, Problem> {
        KIND.seal(self, keys)
    }

    /// Verifies a token under any of `keys`.
    ///
    /// # Errors
    /// [`AuthFailure::Invalid`] for a wrong format or signature, [`AuthFailure::Expired`] from `expires` on.
    pub fn open(token: &str, keys: &[MacKey], now: EpochMs) -> Result<BrowserClaims, AuthFailure> {
        let claims: BrowserClaims = KIND.open(token, keys)?;
        if now >= claims.expires { Err(AuthFailure::Expired) } else { Ok(claims) }
    }
}

/// Whether `base` (`scheme://authority`) is that of a developer's machine, where there is no HTTPS.
fn is_local(base: &str) -> bool {
    let Some(authority) = base.strip_prefix("http://") else { return false };
    let host = if authority.starts_with('[') { authority.split_inclusive(']').next() } else { authority.split(':').next() };
    matches!(host, Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn name(base: &str) -> &'static str {
    if is_local(base) { LOCAL_NAME } else { SECURE_NAME }
}

/// `Set-Cookie` for a browser at `base`, for `seconds`; 0 with an empty token removes it (RFC 6265, section 4.1).
pub fn set(base: &str, token: &str, seconds: u64) -> String {
    let secure = if is_local(base) { "" } else { "; Secure" };
    format!("{}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", name(base))
}

/// The token in a `Cookie` field (RFC 6265, section 4.2.1).
pub fn read<'a>(field: &'a str, base: &str) -> Option<&'a str> {
    field.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name(base)).map(|(_, token)| token)
}

/// What a browser tells of where a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// `Sec-Fetch-Site` (W3C Fetch Metadata).
    pub site: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// Whether it only reads: GET or HEAD, without `Upgrade`.
    pub only_reads: bool,
}

impl Origin<'_> {
    /// Whether the cookie counts: it is the page's own request, or an address that somebody typed. Another site's request would act for whoever is signed in.
    pub fn is_own(self, base: &str) -> bool {
        match (self.site, self.origin) {
            (Some("same-origin"), _) => true,
            (Some("none"), _) => self.only_reads,
            (Some(_), _) => false,
            (None, Some(origin)) => origin == base,
            (None, None) => self.only_reads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_has_pinned_format_and_fails_when_expired() {
        let keys = [MacKey::new(b"key")];
        let claims = BrowserClaims { session: Id::from_random([1; 16]), expires: EpochMs(10) };
        let token = claims.seal(&keys).unwrap();
        assert!(token.starts_with("jtd1.eyJzIjoiMDEwMTAxMDEtMDEwMS00MTAxLTgxMDEtMDEwMTAxMDEwMTAxIiwiZSI6MTB9."), "{token}");
        assert_eq!(BrowserClaims::open(&token, &keys, EpochMs(9)), Ok(claims));
        assert_eq!(BrowserClaims::open(&token, &keys, EpochMs(10)), Err(AuthFailure::Expired));
        assert_eq!(BrowserClaims::open(&token, &[MacKey::new(b"other")], EpochMs(9)), Err(AuthFailure::Invalid));
        assert_eq!(BrowserClaims::open("jtd1.", &keys, EpochMs(9)), Err(AuthFailure::Invalid));
    }

    #[test]
    fn cookie_is_secure_everywhere_but_on_this_machine() {
        for base in [
            "https://edge.example.com",
            "https://localhost",
            "http://edge.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
        ] {
            assert_eq!(set(base, "t", 5), "__Host-jettyspeed=t; Path=/; Max-Age=5; HttpOnly; SameSite=Strict; Secure", "{base}");
        }
        for base in ["http://localhost", "http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787"] {
            assert_eq!(set(base, "t", 5), "jettyspeed=t; Path=/; Max-Age=5; HttpOnly; SameSite=Strict", "{base}");
        }
    }

    #[test]
    fn cookie_is_found_by_its_whole_name() {
        let field = "a=b; jettyspeed=one; xjettyspeed=two; __Host-jettyspeed=three;broken";
        assert_eq!(read(field, "http://localhost:1"), Some("one"));
        assert_eq!(read(field, "https://edge.example.com"), Some("three"));
        assert_eq!(read("xjettyspeed=two; jettyspeed", "http://localhost:1"), None);
    }

    #[test]
    fn cookie_counts_for_the_pages_own_requests_only() {
        let base = "https://edge.example.com";
        let counts = |site, origin, only_reads| Origin { site, origin, only_reads }.is_own(base);
        for only_reads in [true, false] {
            assert!(counts(Some("same-origin"), None, only_reads) && counts(None, Some(base), only_reads));
            for site in ["same-site", "cross-site", "", "Same-Origin"] {
                assert!(!counts(Some(site), Some(base), only_reads), "{site}");
            }
            for origin in ["null", "https://evil.example.com", "https://edge.example.com.evil", "http://edge.example.com"] {
                assert!(!counts(None, Some(origin), only_reads), "{origin}");
            }
            assert_eq!((counts(None, None, only_reads), counts(Some("none"), None, only_reads)), (only_reads, only_reads));
        }
    }
}
