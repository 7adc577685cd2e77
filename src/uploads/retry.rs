//! Retries at the store: small parts are buffered in JavaScript, so that a failed attempt is repeated without the client (docs/uploads.md, The chunk path).
//! This module only decides; the bytes stay in JavaScript.

use crate::base::backoff::jittered;
use crate::s3::error::StoreError;

/// Maximum number of attempts.
pub const ATTEMPTS: u32 = 3;

/// Delay before the next attempt, ms, with jitter from `random`; `None` if there is to be none. `attempt` counts from 1.
pub fn retry_delay_ms(attempt: u32, error: &StoreError, random: u8) -> Option<u64> {
    let worth_it = attempt < ATTEMPTS && error.is_transient();
    worth_it.then(|| jittered(50 << attempt.min(4), random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_is_retried_and_refusal_is_not() {
        let error = |status, code: &str| StoreError { status, code: code.into(), message: String::new() };
        assert_eq!((retry_delay_ms(1, &error(0, ""), 0), retry_delay_ms(2, &error(503, "SlowDown"), 255)), (Some(50), Some(200)));
        assert_eq!(retry_delay_ms(3, &error(0, ""), 0), None);
        assert_eq!(retry_delay_ms(1, &error(400, "BadDigest"), 0), None);
        assert_eq!(retry_delay_ms(1, &error(403, "SignatureDoesNotMatch"), 0), None);
    }
}
