//! First answers, kept: a request that comes again gets what it got at first (SPEC section 1, `Idempotency-Key`; section 2, `webhook-id`).
//!
//! The first request claims the key, runs, and leaves its answer, encrypted. Another that comes while it runs is told so, or waits; one that comes
//! later gets the answer. Refusals and failures are not kept: they changed nothing, and the caller may try again.

use serde::Deserialize;

use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::problem::Problem;

/// How long an answer is kept, ms (SPEC section 1).
pub const KEEP_MS: u64 = 24 * 3600 * 1000;

/// After how long a claim that nobody renewed is void, ms: its Worker died.
pub const CLAIM_MS: u64 = 30_000;

/// The longest key.
const MAX_KEY: usize = 255;

/// Reads an `Idempotency-Key`.
///
/// # Errors
/// [`Problem::Malformed`] for anything but 1 to 255 printable ASCII characters; a comma would be two header fields of that name.
pub fn key(field: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(key) = field else { return Ok(None) };
    let fine = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b',');
    if fine {
        Ok(Some(key.to_owned()))
    } else {
        Err(Problem::Malformed { detail: "Idempotency-Key must be one field of 1 to 255 printable ASCII characters without commas.".to_owned() })
    }
}

/// What identifies a request beside its key.
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> Sha256Hex {
    Sha256Hex::of(&[method.as_bytes(), b"\n", path.as_bytes(), b"\n", body].concat())
}

/// The row of a key that somebody else claimed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Found {
    /// Of the first request; empty where any repetition counts.
    pub fingerprint: String,
    /// Of its answer.
    pub status: Option<u16>,
    /// Encrypted.
    pub answer: Option<String>,
    /// When its claim was made or renewed.
    pub claimed_at: EpochMs,
    /// When it is forgotten.
    pub expires_at: EpochMs,
}

/// What to do about a key that somebody else claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Answer with this.
    Repeat {
        /// HTTP status.
        status: u16,
        /// Encrypted body.
        sealed: String,
    },
    /// The first request has not ended.
    Running,
    /// It died, or it is long ago: take its place.
    Claim,
    /// Another request.
    Refuse,
}

impl Found {
    /// Decides for a request with that fingerprint at `now`.
    pub fn next(self, fingerprint: &str, now: EpochMs) -> Next {
        match self {
            found if found.expires_at <= now || (found.status.is_none() && found.claimed_at <= stale_before(now)) => Next::Claim,
            found if found.fingerprint != fingerprint => Next::Refuse,
            Found { status: Some(status), answer: Some(sealed), .. } => Next::Repeat { status, sealed },
            _ => Next::Running,
        }
    }
}

/// The place an answer is sealed for.
pub fn row(scope: &str, key: &str) -> String {
    format!("answer {scope} {key}")
}

/// Whether a claim made then is void.
pub fn stale_before(now: EpochMs) -> EpochMs {
    EpochMs(now.0.saturating_sub(CLAIM_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_printable_and_single() {
        assert_eq!(key(None), Ok(None));
        assert_eq!(key(Some("8e03978e-40d5")), Ok(Some("8e03978e-40d5".into())));
        assert!(key(Some(&"x".repeat(255))).is_ok());
        for bad in ["", &"x".repeat(256), "a, b", "a\u{0}", "ä"] {
            assert!(matches!(key(Some(bad)), Err(Problem::Malformed { .. })), "{bad:?}");
        }
    }

    #[test]
    fn same_request_same_answer_other_request_refused() {
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
        assert_ne!(fingerprint("POST", "/a", b"x"), fingerprint("POST", "/b", b"x"));
    }
}
