//! Small parts are held in JavaScript while they are sent, so that an attempt which the store loses is repeated without asking the client again.
//! Decisions only: the bytes themselves never come here.

use crate::base::backoff::jittered;
use crate::s3::error::StoreError;

/// Attempts in all.
pub const ATTEMPTS: u32 = 3;

/// Whether a failed attempt is worth another, and after how many ms, with `random` jitter. `attempt` counts from 1.
pub fn again(attempt: u32, error: &StoreError, random: u8) -> Option<u64> {
    let worth_it = attempt < ATTEMPTS && error.is_transient();
    worth_it.then(|| jittered(50 << attempt.min(4), random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_lost_is_repeated_and_what_it_refused_is_not() {
        let error = |status, code: &str| StoreError { status, code: code.into(), message: String::new() };
        assert_eq!((again(1, &error(0, ""), 0), again(2, &error(503, "SlowDown"), 255)), (Some(50), Some(200)));
        assert_eq!(again(3, &error(0, ""), 0), None);
        assert_eq!(again(1, &error(400, "BadDigest"), 0), None);
        assert_eq!(again(1, &error(403, "SignatureDoesNotMatch"), 0), None);
    }
}
