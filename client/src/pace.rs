//! Limits the parts in flight: slow start, then additive increase, multiplicative decrease (like TCP, RFC 5681; goodput is the congestion
//! signal, because an application cannot see packet losses).

use std::time::Duration;

/// Initial number of parts in flight, unless fewer are allowed.
const START: usize = 4;
/// Relative increase of goodput below which the path counts as saturated.
const RISE: f64 = 1.1;
/// Relative decrease of goodput down to which a change counts as noise.
const NOISE: f64 = 0.95;

/// The number of parts in flight. Times count from the start of the upload.
#[derive(Debug, Clone)]
pub struct Pace {
    allowed: usize,
    cap: usize,
    /// The number was set by the caller and does not change.
    fixed: bool,
    doubling: bool,
    round: Round,
    /// Goodput of the previous round, bytes/s.
    goodput: Option<f64>,
}

/// A round: as many completed parts as are allowed in flight.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    began: Duration,
    parts: usize,
    bytes: u64,
    /// The number was halved in this round.
    cut: bool,
}

impl Pace {
    /// Starts at 4 (or at `cap`, if lower), at most `cap` (≥ 1).
    pub fn new(cap: usize) -> Pace {
        let cap = cap.max(1);
        Pace { allowed: START.min(cap), cap, fixed: false, doubling: true, round: Round::default(), goodput: None }
    }

    /// A constant `number` (≥ 1).
    pub fn fixed(number: usize) -> Pace {
        let number = number.max(1);
        Pace { allowed: number, fixed: true, ..Pace::new(number) }
    }

    /// Maximum number of parts in flight now.
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// Records that a part starts while no other is in flight: idle time does not count into a round. One that was under way begins anew.
    pub fn began(&mut self, now: Duration) {
        self.round = Round { began: now, cut: self.round.cut, ..Round::default() };
    }

    /// Records that a part of `bytes` was stored.
    pub fn completed(&mut self, bytes: u64, now: Duration) {
        self.round.parts += 1;
        self.round.bytes = self.round.bytes.saturating_add(bytes);
        if self.fixed || self.round.parts < self.allowed {
            return;
        }
        let goodput = self.round.bytes as f64 / now.saturating_sub(self.round.began).as_secs_f64().max(1e-3);
        let rising = self.goodput.is_none_or(|before| goodput >= before * RISE);
        let falling = self.goodput.is_some_and(|before| goodput < before * NOISE);
        self.doubling &= rising;
        let more = match (self.doubling, falling) {
            (true, _) => self.allowed,
            (false, false) => 1,
            (false, true) => 0,
        };
        self.allowed = (self.allowed + more).min(self.cap);
        self.goodput = Some(goodput);
        self.round = Round { began: now, ..Round::default() };
    }

    /// Records a failure that fewer parts in flight may avoid: halves the number, once per round.
    pub fn failed(&mut self, now: Duration) {
        if self.fixed || self.round.cut {
            return;
        }
        self.allowed = (self.allowed / 2).max(1);
        self.doubling = false;
        // With fewer parts in flight goodput is lower anyway, so the previous round is no reference.
        self.goodput = None;
        self.round = Round { began: now, cut: true, ..Round::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: u64 = 10_000_000;

    /// Simulates rounds over a link of `capacity` bytes/s on which one connection gets at most `each` bytes/s; returns the number in flight after each.
    fn over_link(pace: &mut Pace, capacity: f64, each: f64, rounds: usize) -> Vec<usize> {
        let mut now = pace.round.began.as_secs_f64();
        let mut numbers = Vec::new();
        for _ in 0..rounds {
            let flying = pace.allowed();
            now += flying as f64 * PART as f64 / capacity.min(each * flying as f64);
            for _ in 0..flying {
                pace.completed(PART, Duration::from_secs_f64(now));
            }
            numbers.push(pace.allowed());
        }
        numbers
    }

    #[test]
    fn number_doubles_while_goodput_rises_then_grows_by_one_up_to_cap() {
        assert_eq!(Pace::new(24).allowed(), 4);
        assert_eq!(Pace::new(2).allowed(), 2);
        // Eight connections saturate it: 16 are no faster than 8.
        assert_eq!(over_link(&mut Pace::new(24), 80e6, 10e6, 4), [8, 16, 17, 18]);
        assert_eq!(over_link(&mut Pace::new(24), 1e9, 10e6, 4), [8, 16, 24, 24]);
    }

    #[test]
    fn number_stays_while_goodput_falls() {
        let mut pace = Pace::new(32);
        assert_eq!(over_link(&mut pace, 40e6, 10e6, 2), [8, 9]);
        assert_eq!(over_link(&mut pace, 30e6, 10e6, 2), [9, 10], "less than before, then as much as before");
    }

    #[test]
    fn number_halves_once_per_round_and_is_at_least_one() {
        let mut pace = Pace::new(24);
        over_link(&mut pace, 1e9, 10e6, 2);
        let now = pace.round.began + Duration::from_secs(1);
        for _ in 0..3 {
            pace.failed(now);
        }
        assert_eq!(pace.allowed(), 8);
        for round in 1..10 {
            over_link(&mut pace, 1e9, 10e6, 1);
            pace.failed(now * round);
        }
        assert_eq!(pace.allowed(), 1);
        assert_eq!(over_link(&mut pace, 1e9, 10e6, 3), [2, 3, 4], "one by one, however much it helps");
    }

    #[test]
    fn pause_in_the_middle_of_a_round_does_not_lower_goodput() {
        // One connection gets 10 MB/s. Four parts, then two of the eight of the next round before an hour without parts.
        let mut pace = Pace::new(24);
        over_link(&mut pace, 1e9, 10e6, 1);
        for _ in 0..2 {
            pace.completed(PART, Duration::from_secs(2));
        }
        let resumed = Duration::from_secs(3_600);
        pace.began(resumed);
        for _ in 0..8 {
            pace.completed(PART, resumed + Duration::from_secs(1));
        }
        assert_eq!(pace.allowed(), 16, "twice as many parts in a second as in the round before");
    }

    #[test]
    fn number_grows_again_after_a_slow_phase() {
        let mut pace = Pace::new(12);
        over_link(&mut pace, 80e6, 10e6, 3);
        assert_eq!(over_link(&mut pace, 1e6, 10e6, 2), [12, 12], "a link of an eightieth");
        pace.failed(pace.round.began);
        assert_eq!(over_link(&mut pace, 80e6, 10e6, 8), [7, 8, 9, 10, 11, 12, 12, 12]);
    }

    #[test]
    fn fixed_number_never_changes() {
        let mut pace = Pace::fixed(7);
        pace.failed(Duration::ZERO);
        assert_eq!(over_link(&mut pace, 1e9, 10e6, 3), [7, 7, 7]);
    }
}
