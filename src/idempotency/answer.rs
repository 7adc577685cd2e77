//! Stored responses of idempotent requests (docs/api.md, "Idempotency"): a repeated request receives the response of the first one.
//!
//! The first request claims the key, runs and stores its response, encrypted. A repetition while it runs is refused or waits; a later one receives the
//! stored response. Error responses are not stored: they changed nothing, so the caller may retry.

use serde::Deserialize;

use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::problem::Problem;

/// How long a response is kept, ms (docs/api.md, "Idempotency").
pub const KEEP_MS: u64 = 24 * 3600 * 1000;

/// Age at which a claim that was not renewed is void, ms: its request has ended without storing a response.
pub const CLAIM_MS: u64 = 30_000;

/// The longest `Idempotency-Key`, characters.
const MAX_KEY: usize = 255;

/// Reads an `Idempotency-Key`.
///
/// # Errors
/// [`Problem::Malformed`] for anything but 1 to 255 printable ASCII characters; a comma means that two fields were joined (RFC 9110, 5.3).
pub fn key(field: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(key) = field else { return Ok(None) };
    let fine = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b',');
    if fine {
        Ok(Some(key.to_owned()))
    } else {
        Err(Problem::Malformed { detail: "Idempotency-Key must be one field of 1 to 255 printable ASCII characters without commas.".to_owned() })
    }
}

/// SHA-256 that identifies a request besides its key.
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> Sha256Hex {
    Sha256Hex::of(&[method.as_bytes(), b"\n", path.as_bytes(), b"\n", body].concat())
}

/// The row of a key that another request has claimed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Found {
    /// Fingerprint of the first request; empty if any repetition counts as equal.
    pub fingerprint: String,
    /// HTTP status of its response, once stored.
    pub status: Option<u16>,
    /// Body of its response, encrypted.
    pub answer: Option<String>,
    /// When the claim was made or last renewed.
    pub claimed_at: EpochMs,
    /// When the row is deleted.
    pub expires_at: EpochMs,
}

/// What to do about a key that another request has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Return the stored response.
    Repeat {
        /// HTTP status.
        status: u16,
        /// Encrypted body.
        sealed: String,
    },
    /// The first request is still running.
    Running,
    /// The claim is void or the row expired: claim the key.
    Claim,
    /// The key was used by a different request: refuse.
    Refuse,
}

impl Found {
    /// The decision for a request with that fingerprint at `now`.
    pub fn next(self, fingerprint: &str, now: EpochMs) -> Next {
        match self {
            found if found.expires_at <= now || (found.status.is_none() && found.claimed_at <= stale_before(now)) => Next::Claim,
            found if found.fingerprint != fingerprint => Next::Refuse,
            Found { status: Some(status), answer: Some(sealed), .. } => Next::Repeat { status, sealed },
            _ => Next::Running,
        }
    }
}

/// The associated data that a stored response is encrypted with.
pub fn row(scope: &str, key: &str) -> String {
    format!("answer {scope} {key}")
}

/// Claims made or renewed before this instant are void.
pub fn stale_before(now: EpochMs) -> EpochMs {
    EpochMs(now.0.saturating_sub(CLAIM_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_1_to_255_printable_characters_are_a_key() {
        assert_eq!(key(None), Ok(None));
        assert_eq!(key(Some("8e03978e-40d5")), Ok(Some("8e03978e-40d5".into())));
        assert!(key(Some(&"x".repeat(255))).is_ok());
        for bad in ["", &"x".repeat(256), "a, b", "a\u{0}", "ä"] {
            assert!(matches!(key(Some(bad)), Err(Problem::Malformed { .. })), "{bad:?}");
        }
    }

    #[test]
    fn same_fingerprint_repeats_the_response_and_another_is_refused() {
        let (claimed_at, expires_at) = (EpochMs(100), EpochMs(100 + KEEP_MS));
        let found =
            |status, answer: Option<&str>| Found { fingerprint: "f".into(), status, answer: answer.map(str::to_owned), claimed_at, expires_at };
        let soon = EpochMs(200);
        assert_eq!(found(Some(201), Some("s")).next("f", soon), Next::Repeat { status: 201, sealed: "s".into() });
        assert_eq!(found(Some(201), Some("s")).next("g", soon), Next::Refuse);
        assert_eq!(found(None, None).next("f", soon), Next::Running);
        assert_eq!(found(None, None).next("g", soon), Next::Refuse);
        assert_eq!(found(None, None).next("g", EpochMs(100 + CLAIM_MS)), Next::Claim);
        assert_eq!(found(Some(201), Some("s")).next("g", EpochMs(100 + CLAIM_MS)), Next::Refuse);
        assert_eq!(found(Some(201), Some("s")).next("g", expires_at), Next::Claim);
    }

    #[test]
    fn fingerprint_differs_for_another_method_path_or_body() {
        let first = fingerprint("POST", "/a", b"x");
        assert_eq!(first, fingerprint("POST", "/a", b"x"));
        for (method, path, body) in
            [("PUT", "/a", &b"x"[..]), ("POST", "/b", b"x"), ("POST", "/a", b"y"), ("POST", "/a", b""), ("POST", "/a\nx", b"")]
        {
            assert_ne!(first, fingerprint(method, path, body), "{method} {path} {body:?}");
        }
    }
}
