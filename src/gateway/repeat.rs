//! When a request that the gateway failed to do is sent straight to the store.

use crate::base::time::EpochMs;
use crate::s3::action::Action;

/// For how long requests go straight to the store after the gateway has failed, ms.
pub const REST_MS: u64 = 10_000;

/// Whether the request does no harm if it is done twice: the gateway may have done it before it failed. Completing an upload twice could make its first, lost
/// success look like an upload that never was; opening one twice leaves an empty upload, which the daily sweep finds.
pub fn is_repeatable(action: &Action) -> bool {
    action.method != "POST" || action.query.iter().any(|(name, _)| name == "uploads")
}

/// Whether the gateway is asked at all, `failed_at` being when it last failed.
pub fn is_asked(failed_at: Option<EpochMs>, now: EpochMs) -> bool {
    failed_at.is_none_or(|at| now.since(at) >= REST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::action::action;

    #[test]
    fn only_a_completion_is_not_repeated() {
        assert!(!is_repeatable(&action("POST", Some("k"), &[("uploadId", "u")])));
        for other in [
            action("POST", Some("k"), &[("uploads", "")]),
            action("PUT", Some("k"), &[("uploadId", "u"), ("partNumber", "1")]),
            action("GET", Some("k"), &[]),
            action("DELETE", Some("k"), &[("uploadId", "u")]),
        ] {
            assert!(is_repeatable(&other), "{other:?}");
        }
    }

    #[test]
    fn gateway_rests_for_ten_seconds_after_a_failure() {
        assert!(is_asked(None, EpochMs(0)) && is_asked(Some(EpochMs(5)), EpochMs(5 + REST_MS)));
        assert!(!is_asked(Some(EpochMs(5)), EpochMs(4 + REST_MS)) && !is_asked(Some(EpochMs(5)), EpochMs(5)));
    }
}
