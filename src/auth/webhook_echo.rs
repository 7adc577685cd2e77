//! What `POST /api/webhooks/echo` tells a webhook caller of its own call: whether it arrived as it was sent, and by what it was believed.

use serde::Serialize;

use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;

/// The proof that a webhook call was accepted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerifiedBy {
    /// A signature over id, timestamp and body.
    Signature,
    /// The secret itself.
    Bearer,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Echo {
    /// Length of the body, bytes.
    pub bytes: usize,
    /// Its hash.
    pub sha256: Sha256Hex,
    /// See [`VerifiedBy`].
    pub verified_by: VerifiedBy,
    /// How far `webhook-timestamp` is behind our clock, s; negative if it is ahead; `None` without one.
    pub skew_seconds: Option<i64>,
}

impl Echo {
    /// The echo of an authenticated call with these header fields: one with a signature was accepted by it.
    pub fn of(body: &[u8], signature: Option<&str>, timestamp: Option<&str>, now: EpochMs) -> Echo {
        let verified_by = if signature.is_some() { VerifiedBy::Signature } else { VerifiedBy::Bearer };
        let at = timestamp.and_then(|text| text.trim().parse::<i64>().ok());
        let skew_seconds = at.map(|at| i64::try_from(now.0 / 1000).unwrap_or(i64::MAX).saturating_sub(at));
        Echo { bytes: body.len(), sha256: Sha256Hex::of(body), verified_by, skew_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_tells_length_hash_proof_and_skew() {
        let echo = Echo::of(b"hello", Some("v1,x"), Some("1614265300"), EpochMs(1_614_265_330_900));
        assert_eq!(
            serde_json::to_string(&echo).unwrap(),
            r#"{"bytes":5,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","verified_by":"signature","skew_seconds":30}"#
        );
        let bearer = Echo::of(b"", None, None, EpochMs(0));
        assert_eq!((bearer.verified_by, bearer.skew_seconds), (VerifiedBy::Bearer, None));
        assert_eq!(Echo::of(b"", Some("v1,x"), Some("10"), EpochMs(4_000)).skew_seconds, Some(-6));
        assert_eq!(Echo::of(b"", None, Some("-9223372036854775808"), EpochMs(u64::MAX)).skew_seconds, Some(i64::MAX));
    }
}
