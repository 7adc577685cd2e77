//! The probe of the store: an object is stored, read and deleted. What the steps' answers mean.

use crate::s3::error::StoreError;

/// What the object holds: always the same, so that checks which run at once do not find each other's bytes.
pub const BYTES: &str = "jettyspeed health check";

/// After how long what may have been stored late is deleted again, ms.
pub const AGAIN_MS: u64 = 5_000;

/// The part of a step that was not taken, because the one before it failed.
pub const NOT_TRIED: &str = "not-tried";

/// The part of a read that gave other bytes than were stored.
pub const OTHER_BYTES: &str = "other-bytes";

/// Whether an object is not there although it was just stored: another check, which runs at once, may have deleted it. Then both steps are repeated once.
pub fn is_gone(read: &Result<String, StoreError>) -> bool {
    read.as_ref().is_err_and(|error| error.code == "NoSuchKey")
}

/// Whether the object may be there after a deletion with these answers: a store that did not answer in time, or not at all, may yet do what it was asked for.
pub fn may_be_left(stored: &Result<(), StoreError>, deleted: &Result<(), StoreError>) -> bool {
    stored.as_ref().is_err_and(|error| error.status == 0 || error.status >= 500) || deleted.as_ref().is_err_and(|error| error.code != "NoSuchKey")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error<T>(status: u16, code: &str) -> Result<T, StoreError> {
        Err(StoreError { status, code: code.to_owned(), message: String::new() })
    }

    #[test]
    fn only_an_absent_object_is_gone() {
        assert!(is_gone(&error(404, "NoSuchKey")));
        for other in [Ok(BYTES.to_owned()), error(404, ""), error(503, "SlowDown"), error(0, "")] {
            assert!(!is_gone(&other), "{other:?}");
        }
    }

    #[test]
    fn object_may_be_left_unless_it_was_refused_or_surely_deleted() {
        let refused = || error(403, "AccessDenied");
        for (stored, deleted, expected) in [
            (Ok(()), Ok(()), false),
            (Ok(()), error(404, "NoSuchKey"), false),
            (Ok(()), error(404, ""), true),
            (Ok(()), error(503, "SlowDown"), true),
            (error(0, ""), Ok(()), true),
            (error(504, ""), Ok(()), true),
            (refused(), Ok(()), false),
            (refused(), refused(), true),
        ] {
            assert_eq!(may_be_left(&stored, &deleted), expected, "{stored:?} {deleted:?}");
        }
    }
}
