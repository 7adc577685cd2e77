//! How many refreshes an isolate begins.

use crate::base::time::EpochMs;

/// Maximum number of refreshes that an isolate begins in [`SPAN_MS`].
const MOST: u32 = 100;

/// Length of a span, ms.
const SPAN_MS: u64 = 10_000;

/// Refreshes begun in this span. One that is left out is made up for after the end of the lifetime, as for any file.
#[derive(Debug, Default, Clone, Copy)]
pub struct Pace {
    since: EpochMs,
    begun: u32,
}

impl Pace {
    /// Whether another one may begin now; counts it.
    pub fn admit(&mut self, now: EpochMs) -> bool {
        if now.since(self.since) >= SPAN_MS {
            *self = Pace { since: now, begun: 0 };
        }
        self.begun = self.begun.saturating_add(1);
        self.begun <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundred_begin_in_ten_seconds_and_another_hundred_in_the_next() {
        let mut pace = Pace::default();
        let admitted = |pace: &mut Pace, at| (0..1_000).filter(|_| pace.admit(EpochMs(at))).count();
        assert_eq!([50_000, 59_999, 60_000].map(|at| admitted(&mut pace, at)), [100, 0, 100]);
    }
}
