//! How many failures an isolate tells: an outage makes thousands of the same.

use crate::base::time::EpochMs;

/// Failures that are told in a minute.
pub const PER_MINUTE: u32 = 10;

const MINUTE_MS: u64 = 60_000;

/// Failures of the current minute.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    minute: u64,
    told: u32,
    dropped: u64,
}

impl Budget {
    /// Counts a failure. Some: it is to be told, with the number of those that were not since the last one.
    pub fn spend(&mut self, now: EpochMs) -> Option<u64> {
        let minute = now.0 / MINUTE_MS;
        if minute != self.minute {
            (self.minute, self.told) = (minute, 0);
        }
        if self.told >= PER_MINUTE {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_of_a_minute_are_told_and_the_next_minute_says_how_many_were_not() {
        let mut budget = Budget::default();
        let told: Vec<_> = (0..25).map(|number| budget.spend(EpochMs(60_000 + number))).collect();
        assert_eq!(told, [vec![Some(0); 10], vec![None; 15]].concat());
        assert_eq!([119_999, 120_000, 120_001].map(|at| budget.spend(EpochMs(at))), [None, Some(16), Some(0)]);
    }
}
