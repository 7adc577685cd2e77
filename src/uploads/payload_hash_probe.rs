//! Does the store check what it is told of a body? A part's hash is worth as much as that.

use crate::s3::error::StoreError;

/// How long a probe's outcome is believed, ms.
pub const FRESH_MS: u64 = 24 * 3600 * 1000;

/// What a PUT with a wrong `x-amz-content-sha256` tells: refused for it, taken all the same, or nothing.
pub fn verdict(outcome: &Result<u16, StoreError>) -> Option<bool> {
    match outcome {
        Ok(_) => Some(false),
        // Stores do not agree on code and words; that they say 400 where a right hash gets a 200 is enough.
        Err(error) if error.is_hash_mismatch() || error.status == 400 => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_taken_or_unclear() {
        let error = |status, code: &str| Err(StoreError { status, code: code.into(), message: String::new() });
        assert_eq!(verdict(&Ok(200)), Some(false));
        assert_eq!((verdict(&error(400, "XAmzContentSHA256Mismatch")), verdict(&error(400, ""))), (Some(true), Some(true)));
        assert_eq!((verdict(&error(503, "SlowDown")), verdict(&error(403, "SignatureDoesNotMatch"))), (None, None));
    }
}
