//! The problem returned when content is refused for the bandwidth quota.

/// The problem of a used-up bandwidth quota; clients may retry at `resets`, the start of the next month.
pub fn bandwidth_exceeded(limit: u64, used: u64, resets: crate::base::time::EpochMs, now: crate::base::time::EpochMs) -> crate::problem::Problem {
    let retry_after = u32::try_from(resets.since(now).div_ceil(1000)).unwrap_or(u32::MAX);
    crate::problem::Problem::BandwidthExceeded { limit, used, resets, retry_after }
}
