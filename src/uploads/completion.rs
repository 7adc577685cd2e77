//! What follows a CompleteMultipartUpload request. The response may be lost although the origin completes, so the result is read from the object itself.

use crate::base::backoff::jittered;
use crate::problem::{OriginFailure, Problem};
use crate::s3::error::StoreError;
use crate::s3::operations::head_object::Description;

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
pub fn after<T>(answer: &Result<T, StoreError>) -> Next {
    match answer {
        Ok(_) => Next::CheckObject,
        // The upload id is no longer valid: the upload was either completed (the object exists) or aborted (it does not).
        Err(error) if error.is_no_such_upload() => Next::CheckObject,
        Err(error) if error.is_part_list_refused() => Next::Reconcile,
        Err(error) if error.is_transient() => Next::CheckObjectThenRetry,
        Err(error) => Next::Refuse(Problem::Origin(error.failure())),
    }
}

/// The ETag of the completed object, without quotes: as the object's own answer gives it, else as the completion's does (`completed`). Empty if no answer tells a
/// strong one: a weak one is that of the form in which a gateway sent this answer.
/// A size that the store does not tell is no reason to refuse: nothing but the upload's parts, each of the plan's length, can be under its key.
///
/// # Errors
/// 502 `SizeMismatch`: an object of another size must not become the file.
pub fn object_etag(seen: Description, completed: Option<&str>, file_size: u64) -> Result<String, Problem> {
    if seen.size.is_some_and(|size| size != file_size) {
        return Err(Problem::Origin(OriginFailure::Unexpected("SizeMismatch".to_owned())));
    }
    let strong = seen.etag.as_deref().filter(|_| !seen.weak);
    Ok(strong.or(completed).unwrap_or_default().to_owned())
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
        let error = |status, code: &str| Err::<(), StoreError>(StoreError { status, code: code.into(), message: String::new() });
        assert_eq!(after(&Ok::<(), StoreError>(())), Next::CheckObject);
        assert_eq!(after(&error(404, "NoSuchUpload")), Next::CheckObject);
        assert_eq!(after(&error(400, "InvalidPart")), Next::Reconcile);
        for (status, code) in [(0, ""), (500, "InternalError"), (503, "SlowDown"), (200, "InternalError"), (200, "IncompleteAnswer"), (504, "")] {
            assert_eq!(after(&error(status, code)), Next::CheckObjectThenRetry, "{status} {code}");
        }
        assert_eq!(after(&error(403, "SignatureDoesNotMatch")), Next::Refuse(Problem::Origin(OriginFailure::Credentials)));
    }

    #[test]
    fn object_of_other_size_is_refused_and_of_unknown_size_is_not() {
        let seen = |size| Description { size, etag: Some("e".into()), weak: false };
        assert_eq!(object_etag(seen(Some(3)), None, 3), Ok("e".to_owned()));
        assert_eq!(object_etag(seen(None), None, 3), Ok("e".to_owned()));
        assert!(object_etag(seen(Some(3)), Some("e"), 4).is_err());
    }

    #[test]
    fn strong_etag_wins_over_that_of_the_completion_and_this_over_a_weak_one() {
        let etag =
            |etag: Option<&str>, weak, completed| object_etag(Description { size: Some(3), etag: etag.map(str::to_owned), weak }, completed, 3);
        assert_eq!(etag(Some("s"), false, Some("c")).as_deref(), Ok("s"));
        assert_eq!(etag(Some("w"), true, Some("c")).as_deref(), Ok("c"));
        assert_eq!(etag(Some("w"), true, None).as_deref(), Ok(""));
        assert_eq!(etag(None, false, Some("c")).as_deref(), Ok("c"));
        assert_eq!(etag(None, false, None).as_deref(), Ok(""));
    }

    #[test]
    fn attempt_and_random_give_jittered_exponential_delay() {
        assert_eq!((backoff_ms(1, 0), backoff_ms(1, 255), backoff_ms(2, 255)), (200, 400, 800));
    }
}
