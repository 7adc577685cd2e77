//! Limits the parts in flight by the delivered rate (the idea of BBR: N. Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 2016).
//!
//! What an application controls is the number of connections, each with its own congestion window. More of them help until the link is full; beyond that
//! each costs a cold connection to the edge and from there to the store. So the number grows only as long as the rate does, and in the steady state it is
//! probed in both directions. A round in which not as many parts were in flight as allowed tells nothing.

use std::time::Duration;

use rate_trial::{Outcome, Trial};

mod rate_trial;
#[cfg(test)]
mod tests;

/// Initial number of parts in flight, unless fewer are allowed; as many connections are opened before.
pub const START: usize = 8;
/// Round trip that is assumed until a part was answered.
const ASSUMED_RTT: Duration = Duration::from_millis(125);
/// Length of a round in round trips: within fewer a connection does not get on.
const ROUND_RTTS: u32 = 4;
/// Bounds of the length of a round.
const MIN_ROUND: Duration = Duration::from_millis(400);
const MAX_ROUND: Duration = Duration::from_secs(3);
/// Rounds at one number between two probes.
const CRUISE: u32 = 4;
/// Fewer parts than this are not tried: they cost little, and the trial much.
const LEAST: usize = 4;
/// Bytes in flight per rate and round trip below which a probe does not go, so that waiting for answers never leaves the link idle (BBR's gain in the steady state).
const GAIN: f64 = 2.0;

/// Where a search stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Doubles as long as it helps.
    Startup,
    /// Stays, except for probes: this many rounds since the last, which was upwards or not.
    Steady { rounds: u32, was_up: bool },
}

/// The number of parts in flight. Times count from the start of the upload.
#[derive(Debug, Clone)]
pub struct Pace {
    allowed: usize,
    cap: usize,
    /// The number was set by the caller and does not change.
    fixed: bool,
    phase: Phase,
    /// What the present number is compared with.
    trial: Trial,
    /// Beginning of the round, and the bytes delivered until then.
    round: Option<(Duration, u64)>,
    /// Shortest time from the last byte of a part to its answer.
    rtt: Option<Duration>,
    /// Bytes of the largest part.
    part: u64,
    /// The number was halved since the last round that ended.
    cut: bool,
}

impl Pace {
    /// Starts at [`START`] (or at `cap`, if lower), at most `cap` (≥ 1).
    pub fn new(cap: usize) -> Pace {
        let cap = cap.max(1);
        Pace {
            allowed: START.min(cap),
            cap,
            fixed: false,
            phase: Phase::Startup,
            trial: Trial::default(),
            round: None,
            rtt: None,
            part: 0,
            cut: false,
        }
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

    /// Records that a part of `bytes` was stored, `answer` after its last byte was sent.
    pub fn completed(&mut self, bytes: u64, answer: Duration) {
        self.part = self.part.max(bytes);
        self.rtt = Some(self.rtt.map_or(answer, |rtt| rtt.min(answer)));
    }

    /// When [`Pace::tick`] is due.
    pub fn wakes_at(&self) -> Option<Duration> {
        self.round.filter(|_| !self.fixed).map(|(began, _)| began + self.length())
    }

    /// Records that `flying` parts are in flight and `delivered` bytes were sent in all, less those that are lost.
    pub fn tick(&mut self, delivered: u64, flying: usize, now: Duration) {
        if self.fixed {
            return;
        }
        let Some((began, before)) = self.round.filter(|_| flying == self.allowed) else {
            self.round = (flying == self.allowed).then_some((now, delivered));
            return;
        };
        let elapsed = now.saturating_sub(began);
        if elapsed < self.length() {
            return;
        }
        self.round = Some((now, delivered));
        self.cut = false;
        self.ended(delivered.saturating_sub(before) as f64 / elapsed.as_secs_f64().max(1e-3));
    }

    /// Records a failure that fewer parts in flight may avoid: halves the number, once per round.
    pub fn failed(&mut self) {
        if self.fixed || self.cut {
            return;
        }
        self.cut = true;
        self.phase = Phase::Steady { rounds: 0, was_up: false };
        // With fewer parts in flight the rate is lower anyway: the earlier one is no reference.
        self.trial = Trial::default();
        self.go_to((self.allowed / 2).max(1));
    }

    fn length(&self) -> Duration {
        (self.rtt.unwrap_or(ASSUMED_RTT) * ROUND_RTTS).clamp(MIN_ROUND, MAX_ROUND)
    }

    /// Decides after a round at `rate` bytes/s.
    fn ended(&mut self, rate: f64) {
        let Some(outcome) = self.trial.round(self.allowed, rate) else { return };
        match (outcome, self.phase) {
            (Outcome::Helped, Phase::Startup) => self.probe(self.allowed * 2, rate),
            (Outcome::Helped, Phase::Steady { was_up, .. }) => {
                // What helped may help again.
                self.phase = Phase::Steady { rounds: CRUISE, was_up: !was_up };
                self.trial.settle();
            }
            (Outcome::Undone(number), _) => {
                let was_up = number < self.allowed;
                self.phase = Phase::Steady { rounds: 0, was_up };
                self.trial.settle();
                self.go_to(number);
            }
            (Outcome::Cruised, Phase::Startup) => self.probe(self.allowed * 2, rate),
            (Outcome::Cruised, Phase::Steady { rounds, was_up }) if rounds >= CRUISE => {
                let step = (self.allowed / 4).max(1);
                self.phase = Phase::Steady { rounds: 0, was_up: !was_up };
                self.probe(if was_up { self.allowed.saturating_sub(step).max(self.floor(rate)) } else { self.allowed + step }, rate);
            }
            (Outcome::Cruised, Phase::Steady { rounds, was_up }) => self.phase = Phase::Steady { rounds: rounds + 1, was_up },
        }
    }

    /// Tries `number`, against `rate` at the present one.
    fn probe(&mut self, number: usize, rate: f64) {
        let number = number.clamp(1, self.cap);
        if number == self.allowed {
            self.phase = match self.phase {
                Phase::Startup => Phase::Steady { rounds: 0, was_up: true },
                steady => steady,
            };
            self.trial.settle();
            return;
        }
        self.trial.begin(self.allowed, rate);
        self.go_to(number);
    }

    fn go_to(&mut self, number: usize) {
        self.allowed = number;
        self.round = None;
    }

    /// Parts in flight that hold [`GAIN`] times the bytes of a round trip at `rate`, at least [`LEAST`]; never more than there are.
    fn floor(&self, rate: f64) -> usize {
        let bytes = rate * self.rtt.unwrap_or(ASSUMED_RTT).as_secs_f64() * GAIN;
        let parts = (bytes / self.part.max(1) as f64).ceil();
        // A float that is out of range is saturated by the conversion.
        (parts as usize).max(LEAST).min(self.allowed)
    }
}
