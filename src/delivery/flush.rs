//! When counters of an isolate go to D1 (docs/delivery.md, Statistics).

use crate::base::time::EpochMs;

/// How long the first counts after a quiet time wait for others, ms: what one visit counts goes together.
const SETTLE_MS: u64 = 3_000;

/// The longest time that a request waits in order to write, ms: work after an answer has 30 s (Workers documentation, "Context"), and the write takes some of
/// it.
const HELD_MS: u64 = 25_000;

/// How long a request that has counted waits until it writes, ms. `last` is when this isolate last began to write. `None`: too long for this request; a later
/// one writes.
pub fn delay(last: EpochMs, interval_ms: u64, now: EpochMs) -> Option<u64> {
    let wait = last.plus(interval_ms).since(now).max(SETTLE_MS.min(interval_ms));
    (wait <= HELD_MS).then_some(wait)
}

/// Until when a write that begins in `delay_ms` counts as under way: after that, the request that was to do it was cancelled.
pub fn deadline(delay_ms: u64, now: EpochMs) -> EpochMs {
    now.plus(delay_ms).plus(SETTLE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_begin_an_interval_apart_and_three_seconds_after_a_quiet_time() {
        for (last, interval, now, expected) in [
            (0, 30_000, 1_000_000, Some(3_000)),
            (1_000_000, 30_000, 1_030_000, Some(3_000)),
            (1_000_000, 30_000, 1_020_000, Some(10_000)),
            (1_000_000, 30_000, 1_005_000, Some(25_000)),
            (1_000_000, 30_000, 1_004_999, None),
            (1_000_000, 300_000, 1_274_999, None),
            (1_000_000, 300_000, 1_275_000, Some(25_000)),
            (1_000_000, 3_000, 1_000_000, Some(3_000)),
            (0, 1_000, 1_000_000, Some(1_000)),
        ] {
            let delay = delay(EpochMs(last), interval, EpochMs(now));
            assert_eq!(delay, expected, "last {last}, interval {interval}, now {now}");
            assert!(delay.is_none_or(|delay| now + delay >= last + interval), "writes are at least an interval apart");
        }
    }

    #[test]
    fn cancelled_write_is_over_three_seconds_after_its_time() {
        assert_eq!(deadline(25_000, EpochMs(1_000)), EpochMs(29_000));
    }
}
