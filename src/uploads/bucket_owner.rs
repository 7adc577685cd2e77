//! Whose a bucket is: a deployment writes its id into it once. The sweep aborts what its own database does not know, so a second deployment on the same bucket
//! (staging beside production) must not sweep (docs/deploying.md, "One bucket, one deployment").

use crate::base::id::Id;
use crate::base::time::EpochMs;

/// Key of the object with the id: outside of the keys of files and videos, which sweeps and collectors touch.
pub const KEY: &str = "jettyspeed/deployment";

/// Longest content of the object that is read, bytes: an id and a line break.
pub const MAX_BYTES: u64 = 64;

/// Time between writing the id and reading it back, s: of two deployments that write at once, at a store without conditional writes, the later one's is there
/// then for both.
pub const SETTLE_SECONDS: u64 = 5;

/// Time after which an id that was written and did not appear is written again, ms: the next daily run.
const AGAIN_MS: u64 = 12 * 3600 * 1000;

/// What follows from the content of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marking {
    /// The bucket is this deployment's.
    Own,
    /// It is another's.
    Anothers,
    /// It is nobody's: write the id, read it back later.
    Write,
    /// It was written, and the store does not show it: leave it for today.
    Leave,
}

/// Decides from the object's content (`None`: there is none) and the time at which this deployment wrote it.
pub fn marking(content: Option<&str>, own: Id, marked_at: Option<EpochMs>, now: EpochMs) -> Marking {
    match (content, marked_at) {
        (Some(content), _) if content.trim() == own.to_string() => Marking::Own,
        (Some(_), _) => Marking::Anothers,
        (None, Some(at)) if now.since(at) < AGAIN_MS => Marking::Leave,
        (None, _) => Marking::Write,
    }
}

/// The value of `bucketOwner` in `/api/health`; `None`: not looked at yet.
pub fn shown(owns_bucket: Option<bool>) -> Option<&'static str> {
    owns_bucket.map(|own| if own { "this-deployment" } else { "another-deployment" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::object_key::is_known_key;

    #[test]
    fn only_the_deployment_whose_id_is_in_the_bucket_owns_it() {
        let [own, other] = [1, 2].map(|n| Id::from_random([n; 16]));
        let (own_text, other_text) = (own.to_string(), format!("{other}\n"));
        let now = EpochMs(AGAIN_MS + 100);
        for (content, marked_at, expected) in [
            (Some(own_text.as_str()), None, Marking::Own),
            (Some(own_text.as_str()), Some(EpochMs(100)), Marking::Own),
            (Some(other_text.as_str()), None, Marking::Anothers),
            // It wrote at the same time as the other, which came later.
            (Some(other_text.as_str()), Some(now), Marking::Anothers),
            (Some(""), None, Marking::Anothers),
            (None, None, Marking::Write),
            (None, Some(EpochMs(101)), Marking::Leave),
            (None, Some(EpochMs(100)), Marking::Write),
        ] {
            assert_eq!(marking(content, own, marked_at, now), expected, "{content:?} {marked_at:?}");
        }
        assert_eq!([None, Some(true), Some(false)].map(shown), [None, Some("this-deployment"), Some("another-deployment")]);
        assert!(!is_known_key(KEY));
    }
}
