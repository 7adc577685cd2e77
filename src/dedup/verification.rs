//! What a verification does next: hash the object whole, hash its next step, or give up (docs/uploads.md, "Verification").

use serde::Deserialize;

use crate::base::id::Name;
use crate::base::sha256::Sha256Hex;
use crate::dedup::hashing::PartialHash;
use crate::s3::content_range::ContentRange;

/// Bytes that a step must have hashed to count as getting on: fewer, ever again, would never end.
const MIN_STEP: u64 = 1_000_000;

/// An object to verify, with how far that is: one row of [`crate::dedup::repository::to_verify`].
#[derive(Debug, Clone, Deserialize)]
pub struct Pending {
    /// Namespace.
    pub namespace: Name,
    /// Key at the origin.
    pub s3_key: String,
    /// Bytes.
    pub size: u64,
    /// ETag, without quotes.
    pub etag: String,
    /// The hash to compare with.
    pub claimed_sha256: Option<Sha256Hex>,
    /// Bytes hashed.
    #[serde(default)]
    pub position: Option<u64>,
    /// State of the hash after them.
    #[serde(default)]
    pub state: Option<String>,
    /// Attempts since it last got on.
    #[serde(default)]
    pub attempts: Option<u64>,
    /// Why the last one ended.
    #[serde(default)]
    pub failure: Option<String>,
}

/// What to do.
#[derive(Clone)]
pub enum Step {
    /// Hash the object in one pass.
    Whole,
    /// Hash bytes from the hash's position up to and including `last`.
    Part {
        /// The hash of the bytes before.
        hash: PartialHash,
        /// The last byte.
        last: u64,
    },
    /// Verify it no more, for this reason.
    GiveUp(String),
}

impl Pending {
    /// Objects of more than `step_bytes` are hashed in steps of that size. After `max_attempts` that did not get on nothing more is tried.
    pub fn next(&self, step_bytes: u64, max_attempts: u64) -> Step {
        if self.attempts.unwrap_or_default() >= max_attempts {
            // A job that the platform stopped could not say why.
            return Step::GiveUp(self.failure.clone().unwrap_or_else(|| "interrupted".to_owned()));
        }
        if self.size <= step_bytes {
            return Step::Whole;
        }
        let resumed = self.position.zip(self.state.as_deref()).and_then(|(position, state)| PartialHash::resume(position, state));
        let hash = resumed.filter(|hash| hash.position() <= self.size).unwrap_or_default();
        let last = hash.position().saturating_add(step_bytes).min(self.size).saturating_sub(1);
        Step::Part { hash, last }
    }
}

/// Whether a step that hashed `hashed` of `wanted` bytes got on.
pub fn got_on(hashed: u64, wanted: u64) -> bool {
    hashed > 0 && hashed >= wanted.min(MIN_STEP)
}

/// Whether the answer to a request for bytes `first..=last` holds exactly these, according to its status and its `Content-Range`, whose length may be unknown
/// (`bytes 0-9/*`, RFC 9110 section 14.4).
pub fn is_range(status: u16, content_range: Option<&str>, first: u64, last: u64) -> bool {
    status == 206 && content_range.and_then(ContentRange::parse).is_some_and(|range| (range.first, range.last) == (first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(size: u64, at: Option<(u64, String)>, attempts: u64) -> Pending {
        let (position, state) = at.unzip();
        Pending {
            namespace: Name::parse("n").unwrap(),
            s3_key: "k".into(),
            size,
            etag: "e".into(),
            claimed_sha256: None,
            position,
            state,
            attempts: Some(attempts),
            failure: None,
        }
    }

    fn range(step: Step) -> Option<(u64, u64)> {
        match step {
            Step::Part { hash, last } => Some((hash.position(), last)),
            Step::Whole | Step::GiveUp(_) => None,
        }
    }

    #[test]
    fn object_of_50_gb_is_hashed_in_25_steps_and_one_of_2_gb_whole() {
        const STEP: u64 = 2_000_000_000;
        assert!(matches!(pending(STEP, None, 0).next(STEP, 30), Step::Whole));
        assert_eq!(range(pending(STEP + 1, None, 0).next(STEP, 30)), Some((0, STEP - 1)));
        let state = PartialHash::new().state();
        let (mut position, mut steps) = (0, 0);
        while position < 50_000_000_000 {
            let (first, last) = range(pending(50_000_000_000, Some((position, state.clone())), 0).next(STEP, 30)).unwrap();
            assert_eq!(first, position);
            (position, steps) = (last + 1, steps + 1);
        }
        assert_eq!((position, steps), (50_000_000_000, 25));
    }

    #[test]
    fn unreadable_state_begins_anew() {
        assert_eq!(range(pending(30, Some((10, "ff".into())), 0).next(10, 3)), Some((0, 9)));
        assert_eq!(range(pending(30, Some((31, PartialHash::new().state())), 0).next(10, 3)), Some((0, 9)));
        assert_eq!(range(pending(30, Some((25, PartialHash::new().state())), 0).next(10, 3)), Some((25, 29)));
    }

    #[test]
    fn attempt_after_the_last_gives_up_and_says_why() {
        let reason = |pending: Pending| match pending.next(10, 3) {
            Step::GiveUp(reason) => Some(reason),
            Step::Whole | Step::Part { .. } => None,
        };
        assert_eq!(reason(pending(30, None, 2)), None);
        assert_eq!(reason(pending(30, None, 3)).as_deref(), Some("interrupted"));
        assert_eq!(reason(pending(5, None, 3)).as_deref(), Some("interrupted"));
        assert_eq!(reason(Pending { failure: Some("origin-error".into()), ..pending(30, None, 4) }).as_deref(), Some("origin-error"));
    }

    #[test]
    fn few_bytes_of_many_are_no_progress() {
        for (hashed, wanted, expected) in [(0, 10, false), (10, 10, true), (9, 10, false), (999_999, 2_000_000, false), (1_000_000, 2_000_000, true)]
        {
            assert_eq!(got_on(hashed, wanted), expected, "{hashed} of {wanted}");
        }
    }

    #[test]
    fn answer_of_another_range_is_refused() {
        for (status, text, expected) in [
            (206, Some("bytes 5-9/20"), true),
            (206, Some("bytes 5-9/*"), true),
            (206, Some("bytes 5-8/20"), false),
            (206, Some("bytes 0-9/20"), false),
            (206, None, false),
            (200, Some("bytes 5-9/20"), false),
            (200, None, false),
        ] {
            assert_eq!(is_range(status, text, 5, 9), expected, "{status} {text:?}");
        }
    }
}
