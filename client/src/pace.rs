//! How many parts may be in flight: slow start, then additive increase, multiplicative decrease (TCP's own way, RFC 5681, with goodput for its sign that the
//! path is full, as losses are hidden from an application).

use std::time::Duration;

/// In flight at first, unless fewer are allowed.
const START: usize = 4;
/// A round that is better by less has found the path's limit.
const RISE: f64 = 1.1;
/// A round that is worse by less is noise.
const NOISE: f64 = 0.95;

/// The number in flight. Times count from the beginning of the upload.
#[derive(Debug, Clone)]
pub struct Pace {
    allowed: usize,
    cap: usize,
    /// The number is somebody's wish: it stays.
    fixed: bool,
    doubling: bool,
    round: Round,
    /// Of the round before, bytes/s.
    goodput: Option<f64>,
}

/// As many completed parts as are allowed in flight.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    began: Duration,
    parts: usize,
    bytes: u64,
    /// The number was halved in it.
    cut: bool,
}

impl Pace {
    /// Starts at 4 (or at `cap`, if that is less), never more than `cap` (≥ 1).
    pub fn new(cap: usize) -> Pace {
        let cap = cap.max(1);
        Pace { allowed: START.min(cap), cap, fixed: false, doubling: true, round: Round::default(), goodput: None }
    }

    /// `number` (≥ 1) from beginning to end.
    pub fn fixed(number: usize) -> Pace {
        let number = number.max(1);
        Pace { allowed: number, fixed: true, ..Pace::new(number) }
    }

    /// How many may be in flight now.
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// A part begins and no other is in flight: time in which nothing was does not count into a round.
    pub fn began(&mut self, now: Duration) {
        if self.round.parts == 0 {
            self.round.began = now;
        }
    }

    /// A part of `bytes` is there.
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

    /// A part failed for a reason that more room may cure: half as many, once a round.
    pub fn failed(&mut self, now: Duration) {
        if self.fixed || self.round.cut {
            return;
        }
        self.allowed = (self.allowed / 2).max(1);
        self.doubling = false;
        // With fewer in flight it is less anyway: nothing to compare with.
        self.goodput = None;
        self.round = Round { began: now, cut: true, ..Round::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: u64 = 10_000_000;

    /// Rounds over a link of `capacity` bytes/s on which one connection gets `each` bytes/s at most; the number in flight after each.
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
    fn doubles_while_it_helps_then_one_by_one_up_to_the_cap() {
        assert_eq!(Pace::new(24).allowed(), 4);
        assert_eq!(Pace::new(2).allowed(), 2);
        // Eight connections fill it: 16 bring no more than 8 did.
        assert_eq!(over_link(&mut Pace::new(24), 80e6, 10e6, 4), [8, 16, 17, 18]);
        assert_eq!(over_link(&mut Pace::new(24), 1e9, 10e6, 4), [8, 16, 24, 24]);
    }

    #[test]
    fn stays_while_goodput_falls() {
        let mut pace = Pace::new(32);
        assert_eq!(over_link(&mut pace, 40e6, 10e6, 2), [8, 9]);
        assert_eq!(over_link(&mut pace, 30e6, 10e6, 2), [9, 10], "less than before, then as much as before");
    }

    #[test]
    fn halves_once_a_round_and_never_below_one() {
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
    fn a_wish_wins() {
        let mut pace = Pace::fixed(7);
        pace.failed(Duration::ZERO);
        assert_eq!(over_link(&mut pace, 1e9, 10e6, 3), [7, 7, 7]);
    }
}
