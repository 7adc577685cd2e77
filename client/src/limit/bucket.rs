//! How long a block waits for its turn.

use std::time::Duration;

use super::rate::Rate;

/// What may pass at once after a pause, as time at the rate.
const BURST: Duration = Duration::from_millis(50);
/// Blocks per second of a rate: enough that many bodies get their turn before one of them counts as stalled.
const BLOCKS_PER_SECOND: u64 = 20;
/// Smallest block, bytes.
const LEAST_BLOCK: u64 = 1_024;

/// A token bucket. Times are those since any fixed moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bucket {
    rate: Rate,
    /// When the next byte may pass.
    next: Duration,
}

impl Bucket {
    /// Changes the rate. What waits is from then on waited for at the new one.
    pub fn set(&mut self, rate: Rate, now: Duration) {
        let owed = self.next.saturating_sub(now);
        self.next = match (self.rate.bytes_per_second(), rate.bytes_per_second()) {
            (Some(before), Some(after)) => now + owed.mul_f64(before as f64 / after as f64),
            _ => now,
        };
        self.rate = rate;
    }

    /// The rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// How long `bytes` bytes, which count as passed from then on, have to wait.
    pub fn take(&mut self, bytes: u64, now: Duration) -> Duration {
        let Some(rate) = self.rate.bytes_per_second() else { return Duration::ZERO };
        let at = self.next.max(now.saturating_sub(BURST));
        self.next = at + Duration::from_secs_f64(bytes as f64 / rate as f64);
        at.saturating_sub(now)
    }

    /// How long until everything that has passed is within the rate.
    pub fn owed(&self, now: Duration) -> Duration {
        self.next.saturating_sub(now)
    }

    /// Largest block that should pass at once, bytes.
    pub fn block(&self) -> usize {
        let block = self.rate.bytes_per_second().map_or(u64::MAX, |rate| (rate / BLOCKS_PER_SECOND).max(LEAST_BLOCK));
        usize::try_from(block).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn bucket(rate: &str) -> Bucket {
        let mut bucket = Bucket::default();
        bucket.set(Rate::parse(rate).unwrap(), Duration::ZERO);
        bucket
    }

    #[test]
    fn blocks_pass_at_the_rate_and_without_one_at_once() {
        let mut limited = bucket("1M");
        assert_eq!([0, 0, 0].map(|now| limited.take(100_000, at(now))), [at(0), at(100), at(200)]);
        assert_eq!((limited.take(100_000, at(250)), limited.owed(at(250))), (at(50), at(150)));
        assert_eq!(limited.take(100_000, at(10_000)), at(0), "a pause is not saved up");
        assert_eq!(limited.take(100_000, at(10_000)), at(50), "but for the burst");
        assert_eq!([(); 3].map(|()| bucket("off").take(u64::MAX, at(1))), [at(0); 3]);
    }

    #[test]
    fn changed_rate_holds_for_what_waits() {
        let mut limited = bucket("1M");
        limited.take(2_000_000, at(0));
        limited.set(Rate::parse("4M").unwrap(), at(1_000));
        assert_eq!(limited.take(1, at(1_000)), at(250), "the second megabyte in a quarter of a second");
        limited.set(Rate::OFF, at(1_000));
        assert_eq!(limited.take(1, at(1_000)), at(0));
        limited.set(Rate::parse("1M").unwrap(), at(1_000));
        assert_eq!(limited.take(1_000, at(1_000)), at(0));
    }

    #[test]
    fn blocks_are_small_at_low_rates() {
        assert_eq!(["10K", "1M", "off"].map(|rate| bucket(rate).block()), [1_024, 50_000, usize::MAX]);
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_than_the_rate_and_a_burst_passes(steps in prop::collection::vec((1u64..200_000, 0u64..400), 1..60)) {
            let (mut limited, mut now, mut passed) = (bucket("1M"), Duration::ZERO, 0);
            let mut last = Duration::ZERO;
            for (bytes, pause) in steps {
                // Everything that passed before this block's own moment fits into the time until then.
                last = now + limited.take(bytes, now);
                prop_assert!(passed as f64 <= 1e6 * (last + BURST).as_secs_f64() + 1.0, "{} by {:?}", passed, last);
                passed += bytes;
                now = if pause % 2 == 0 { last } else { now } + Duration::from_millis(pause);
            }
            prop_assert!(last <= now + Duration::from_secs(60));
        }
    }
}
