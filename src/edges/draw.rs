//! Deterministic pseudorandom numbers.

use sha2::{Digest, Sha256};

use crate::base::time::EpochMs;

/// Period in which an account gets the same numbers, ms (docs/edges.md, "The score").
pub const WINDOW_MS: u64 = 600_000;

/// A stream of pseudorandom numbers (SplitMix64; Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The stream of that account in the window of `window_ms` that contains `now`.
    pub fn of(account: &str, now: EpochMs, window_ms: u64) -> Draw {
        let window = now.0.checked_div(window_ms).unwrap_or_default();
        let hash = Sha256::digest(format!("{account}/{window}"));
        Draw(hash.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in 0..`bound`, `bound` ≥ 1. Its modulo bias is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// True with probability 1/`n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_gets_same_draws_within_window_and_others_differ() {
        let draws = |account, now| {
            let mut draw = Draw::of(account, EpochMs(now), WINDOW_MS);
            (0..8).map(|_| draw.below(1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(draws("a", 0), draws("a", WINDOW_MS - 1));
        assert!(draws("a", 0) != draws("a", WINDOW_MS) && draws("a", 0) != draws("b", 0));
    }

    #[test]
    fn draws_are_uniform() {
        let mut draw = Draw::of("spread", EpochMs(0), WINDOW_MS);
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[draw.below(7)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
