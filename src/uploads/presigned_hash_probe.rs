//! Probe: does a presigned URL that signs `x-amz-content-sha256` bind the bytes that are sent with it? Some stores verify every presigned URL as
//! UNSIGNED-PAYLOAD and refuse such an URL altogether (docs/uploads.md, Parts straight to the store).

use crate::s3::error::StoreError;

/// The next request of the probe, or its result: `Some(true)` if the hash binds, `None` if the answers do not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send other bytes to an URL with a hash: it must be refused.
    OtherBytes,
    /// Send the bytes to an URL without a hash: if that is accepted, the hash was the reason of the refusal.
    WithoutHash,
    /// Nothing more.
    Settled(Option<bool>),
}

/// What follows the bytes of the hash at an URL with that hash.
pub fn after_right_bytes(outcome: &Result<u16, StoreError>) -> Next {
    match outcome {
        Ok(_) => Next::OtherBytes,
        // Stores do not agree on the code for a signature that they compute otherwise.
        Err(error) if matches!(error.status, 400 | 403) && !error.is_transient() => Next::WithoutHash,
        Err(_) => Next::Settled(None),
    }
}

/// What other bytes at an URL with a hash show, after the right ones were accepted.
pub fn after_other_bytes(outcome: &Result<u16, StoreError>) -> Option<bool> {
    match outcome {
        Ok(_) => Some(false),
        Err(error) if matches!(error.status, 400 | 403) && !error.is_transient() => Some(true),
        Err(_) => None,
    }
}

/// What an URL without a hash shows, after one with a hash was refused.
pub fn after_without_hash(outcome: &Result<u16, StoreError>) -> Option<bool> {
    outcome.is_ok().then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_lead_to_bound_unbound_or_unknown() {
        let error = |status, code: &str| Err::<u16, _>(StoreError { status, code: code.into(), message: String::new() });
        assert_eq!(after_right_bytes(&Ok(200)), Next::OtherBytes);
        assert_eq!(after_other_bytes(&error(400, "XAmzContentSHA256Mismatch")), Some(true));
        assert_eq!(after_other_bytes(&Ok(200)), Some(false), "the hash is signed and not compared");
        assert_eq!(after_right_bytes(&error(403, "SignatureDoesNotMatch")), Next::WithoutHash);
        assert_eq!(after_without_hash(&Ok(200)), Some(false));
        assert_eq!(after_without_hash(&error(403, "AccessDenied")), None, "the store refuses everything");
        for outage in [error(503, "SlowDown"), error(0, ""), error(504, ""), error(400, "RequestTimeout")] {
            assert_eq!(after_right_bytes(&outage), Next::Settled(None), "{outage:?}");
            assert_eq!((after_other_bytes(&outage), after_without_hash(&outage)), (None, None), "{outage:?}");
        }
    }
}
