//! Probe: does the store verify `x-amz-content-sha256`? Chunk hashes are only trusted if it does (docs/uploads.md, The chunk path).

use crate::s3::error::StoreError;

/// Result of a PUT with a wrong `x-amz-content-sha256`: `true` if it was refused, `false` if it was accepted, `None` if the response does not show it.
pub fn verdict(outcome: &Result<u16, StoreError>) -> Option<bool> {
    match outcome {
        Ok(_) => Some(false),
        // Stores use different error codes and messages. A 400 suffices, because the same request with a correct hash returns 200.
        Err(error) if error.is_hash_mismatch() || error.status == 400 => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_gives_true_success_gives_false_outage_gives_none() {
        let error = |status, code: &str| Err(StoreError { status, code: code.into(), message: String::new() });
        assert_eq!(verdict(&Ok(200)), Some(false));
        assert_eq!((verdict(&error(400, "XAmzContentSHA256Mismatch")), verdict(&error(400, ""))), (Some(true), Some(true)));
        assert_eq!((verdict(&error(503, "SlowDown")), verdict(&error(403, "SignatureDoesNotMatch"))), (None, None));
    }
}
