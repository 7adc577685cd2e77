//! What follows a CompleteMultipartUpload request. The response may be lost although the origin completes, so the result is read from the object itself.

use crate::base::backoff::jittered;
use crate::problem::{OriginFailure, Problem};
use crate::s3::error::StoreError;

/// Maximum CompleteMultipartUpload requests per API call; after that the client has to retry.
pub const ATTEMPTS: u32 = 3;

/// No new attempt starts later than this after the first one, ms: with one completion (60 s) and one HeadObject (30 s) more, a call ends within its
/// completion lease of 120 s.
pub const ROUND_MS: u64 = 20_000;

/// The next step.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The object should exist: check it with HeadObject.
    CheckObject,
    /// The part list was refused: reconcile the record with ListParts.
    Reconcile,
    /// Outcome unknown: check with HeadObject, and repeat the completion if the object does not exist.
    CheckObjectThenRetry,
    /// Not completed, and a retry can not succeed.
    Refuse(Problem),
}

/// Maps the response of CompleteMultipartUpload to the next step. An error in the body of a 200 counts as an error
/// (Amazon S3 API reference, "CompleteMultipartUpload").
pub fn after(answer: &Result<(), StoreError>) -> Next {
    match answer {
        Ok(()) => Next::CheckObject,
        // The upload id is no longer valid: the upload was either completed (the object exists) or aborted (it does not).
        Err(error) if error.is_no_such_upload() => Next::CheckObject,
        Err(error) if error.is_part_list_refused() => Next::Reconcile,
        Err(error) if error.is_transient() => Next::CheckObjectThenRetry,
        Err(error) => Next::Refuse(Problem::Origin(error.failure())),
    }
}

/// The object, as HeadObject returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Size, bytes.
    pub size: u64,
    /// ETag, without quotes.
    pub etag: String,
}

/// Checks that the object has the size of the file.
///
/// # Errors
/// 502 `SizeMismatch`: an object of another size must not become the file.
pub fn check_size(seen: ObjectHead, file_size: u64) -> Result<ObjectHead, Problem> {
    if seen.size == file_size { Ok(seen) } else { Err(Problem::Origin(OriginFailure::Unexpected("SizeMismatch".to_owned()))) }
}

/// Delay before attempt `attempt` (from 1), ms: exponential backoff with jitter from `random`.
pub fn backoff_ms(attempt: u32, random: u8) -> u64 {
    jittered(200 << attempt.min(5), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_response_gives_next_step() {
        let error = |status, code: &str| Err(StoreError { status, code: code.into(), message: String::new() });
        assert_eq!(after(&Ok(())), Next::CheckObject);
        assert_eq!(after(&error(404, "NoSuchUpload")), Next::CheckObject);
        assert_eq!(after(&error(400, "InvalidPart")), Next::Reconcile);
        for (status, code) in [(0, ""), (500, "InternalError"), (503, "SlowDown"), (200, "InternalError"), (200, "IncompleteAnswer"), (504, "")] {
            assert_eq!(after(&error(status, code)), Next::CheckObjectThenRetry, "{status} {code}");
        }
        assert_eq!(after(&error(403, "SignatureDoesNotMatch")), Next::Refuse(Problem::Origin(OriginFailure::Credentials)));
    }

    #[test]
    fn object_of_other_size_is_refused() {
        let seen = ObjectHead { size: 3, etag: "e".into() };
        assert_eq!(check_size(seen.clone(), 3), Ok(seen.clone()));
        assert!(check_size(seen, 4).is_err());
    }

    #[test]
    fn attempt_and_random_give_jittered_exponential_delay() {
        assert_eq!((backoff_ms(1, 0), backoff_ms(1, 255), backoff_ms(2, 255)), (200, 400, 800));
    }
}
