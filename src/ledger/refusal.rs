//! Why content is refused once the month's bandwidth is used up.

/// The refusal of content once a month's bandwidth is used up.
pub fn bandwidth_exceeded(limit: u64, used: u64, resets: crate::base::time::EpochMs, now: crate::base::time::EpochMs) -> crate::problem::Problem {
    let retry_after = u32::try_from(resets.since(now).div_ceil(1000)).unwrap_or(u32::MAX);
    crate::problem::Problem::BandwidthExceeded { limit, used, resets, retry_after }
}
