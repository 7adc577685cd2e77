//! Which request initialises a ledger from D1. It takes many queries for an account with many files; other messages wait meanwhile.

use crate::base::time::EpochMs;

/// Time without progress after which an attempt counts as dead, ms: the runtime does not tell when it has cancelled the request that made it.
const STALLED_MS: u64 = 10_000;

/// The attempt that is under way, if any.
#[derive(Debug, Default)]
pub struct Opening {
    number: u64,
    progressed: Option<EpochMs>,
}

impl Opening {
    /// Begins an attempt and returns its number; None while another one makes progress.
    pub fn begin(&mut self, now: EpochMs) -> Option<u64> {
        if self.progressed.is_some_and(|at| now.since(at) < STALLED_MS) {
            return None;
        }
        self.number += 1;
        self.progressed = Some(now);
        Some(self.number)
    }

    /// Notes progress of an attempt; false if another one has begun since, so that this one must stop.
    pub fn progress(&mut self, number: u64, now: EpochMs) -> bool {
        let current = self.number == number && self.progressed.is_some();
        if current {
            self.progressed = Some(now);
        }
        current
    }

    /// Ends an attempt.
    pub fn end(&mut self, number: u64) {
        if self.number == number {
            self.progressed = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempt_without_progress_for_10_s_counts_as_dead() {
        let mut opening = Opening::default();
        let first = opening.begin(EpochMs(0)).unwrap();
        assert!(opening.progress(first, EpochMs(5_000)));
        assert_eq!(opening.begin(EpochMs(14_999)), None);
        assert!(opening.begin(EpochMs(15_000)).is_some());
        assert!(!opening.progress(first, EpochMs(15_001)));
    }

    #[test]
    fn one_attempt_at_a_time_until_it_ends_or_stalls() {
        let mut opening = Opening::default();
        let first = opening.begin(EpochMs(0)).unwrap();
        assert_eq!(opening.begin(EpochMs(STALLED_MS - 1)), None);
        assert!(opening.progress(first, EpochMs(STALLED_MS - 1)));
        assert_eq!(opening.begin(EpochMs(STALLED_MS)), None, "it makes progress");
        let second = opening.begin(EpochMs(2 * STALLED_MS)).unwrap();
        assert!(!opening.progress(first, EpochMs(2 * STALLED_MS)), "the stalled attempt must stop if it wakes up");
        opening.end(first);
        assert!(opening.progress(second, EpochMs(2 * STALLED_MS)));
        opening.end(second);
        assert!(opening.begin(EpochMs(2 * STALLED_MS)).is_some() && !opening.progress(second, EpochMs(2 * STALLED_MS)));
    }
}
