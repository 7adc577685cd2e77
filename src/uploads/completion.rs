//! What to do after the store was asked to complete an upload. The answer may be lost while the store completes, so "did it?" is asked of the object itself.

use crate::base::backoff::jittered;
use crate::problem::{OriginFailure, Problem};
use crate::s3::error::StoreError;

/// How often one call asks the store to complete before it gives the client its turn.
pub const ATTEMPTS: u32 = 3;

/// No new round begins after this, ms: with one completion (60 s) and one look (30 s) more, a call stays within its lease of 120 s.
pub const ROUND_MS: u64 = 20_000;

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The object should be there: look at it.
    Look,
    /// The part list was refused: compare it with the store's.
    Reconcile,
    /// Unclear: look, and if it is not there ask again.
    LookThenRepeat,
    /// Not completed, and repeating will not help.
    Refuse(Problem),
}

/// Reads the answer of CompleteMultipartUpload (or that of its 200's body).
pub fn after(answer: &Result<(), StoreError>) -> Next {
    match answer {
        Ok(()) => Next::Look,
        // Somebody was here before: this upload was completed (its object is there) or aborted (it is not).
        Err(error) if error.is_no_such_upload() => Next::Look,
        Err(error) if error.is_part_list_refused() => Next::Reconcile,
        Err(error) if error.is_transient() => Next::LookThenRepeat,
        Err(error) => Next::Refuse(Problem::Origin(error.failure())),
    }
}

/// The object, as HeadObject shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
}

/// Whether what is there is the whole file.
///
/// # Errors
/// An object of another size: never to be shown as the file.
pub fn whole(seen: Seen, file_size: u64) -> Result<Seen, Problem> {
    if seen.size == file_size { Ok(seen) } else { Err(Problem::Origin(OriginFailure::Unexpected("SizeMismatch".to_owned()))) }
}

/// Milliseconds to wait before attempt number `attempt` (from 1 on), with `random` jitter.
pub fn backoff_ms(attempt: u32, random: u8) -> u64 {
    jittered(200 << attempt.min(5), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_next_step() {
        let error = |status, code: &str| Err(StoreError { status, code: code.into(), message: String::new() });
        assert_eq!(after(&Ok(())), Next::Look);
        assert_eq!(after(&error(404, "NoSuchUpload")), Next::Look);
        assert_eq!(after(&error(400, "InvalidPart")), Next::Reconcile);
        for (status, code) in [(0, ""), (500, "InternalError"), (503, "SlowDown"), (200, "InternalError"), (200, "IncompleteAnswer"), (504, "")] {
            assert_eq!(after(&error(status, code)), Next::LookThenRepeat, "{status} {code}");
        }
        assert_eq!(after(&error(403, "SignatureDoesNotMatch")), Next::Refuse(Problem::Origin(OriginFailure::Credentials)));
    }

    #[test]
    fn an_object_of_another_size_is_not_the_file() {
        let seen = Seen { size: 3, etag: "e".into() };
        assert_eq!(whole(seen.clone(), 3), Ok(seen.clone()));
        assert!(whole(seen, 4).is_err());
    }

    #[test]
    fn waits_grow_and_are_spread() {
        assert_eq!((backoff_ms(1, 0), backoff_ms(1, 255), backoff_ms(2, 255)), (200, 400, 800));
    }
}
