//! Circuit breaker of a lane (M. Nygard, "Release It!").

use std::time::Duration;

/// Consecutive failures that close a lane.
const MAX_FAILURES: u32 = 2;
/// First pause of a closed lane.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause of a closed lane.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// State of a lane, from most to least usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Accepts parts.
    Open,
    /// Accepts one part, as a trial (half-open).
    Trial,
    /// Accepts none: closed, or the trial is in flight.
    Closed,
    /// Accepts none for the rest of the upload.
    Out,
}

/// Failure record of a lane. Times count from the start of the upload.
#[derive(Debug, Clone, Default)]
pub struct Circuit {
    /// Consecutive failures.
    failures: u32,
    closed_until: Option<Duration>,
    on_trial: bool,
    out: bool,
}

impl Circuit {
    /// The state at `now`.
    pub fn state(&self, now: Duration) -> State {
        match self.closed_until {
            _ if self.out => State::Out,
            None => State::Open,
            Some(until) if now < until || self.on_trial => State::Closed,
            Some(_) => State::Trial,
        }
    }

    /// When it opens; zero if it is open.
    pub fn opens_at(&self) -> Duration {
        self.closed_until.unwrap_or_default()
    }

    /// Closes it until `until`, unless a success opens it before.
    pub fn hold(&mut self, until: Duration) {
        self.closed_until = Some(until);
    }

    /// Records that a part has started.
    pub fn began(&mut self, now: Duration) {
        self.on_trial |= self.state(now) == State::Trial;
    }

    /// Records a success.
    pub fn succeeded(&mut self) {
        *self = Circuit { out: self.out, ..Circuit::default() };
    }

    /// Records a failure. Failures of parts that started before the lane closed are ignored.
    pub fn failed(&mut self, now: Duration) {
        if self.closed_until.is_some_and(|until| now < until) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.on_trial = false;
        if self.failures >= MAX_FAILURES {
            self.close(now);
        }
    }

    /// Records that the lane does not answer at all.
    pub fn dead(&mut self, now: Duration) {
        self.failures = self.failures.max(MAX_FAILURES);
        self.close(now);
    }

    /// Records that a part ended without information about the lane.
    pub fn spared(&mut self) {
        self.on_trial = false;
    }

    /// Closes it for the rest of the upload.
    pub fn leave_out(&mut self) {
        self.out = true;
    }

    fn close(&mut self, now: Duration) {
        let doublings = self.failures.saturating_sub(MAX_FAILURES).min(16);
        self.closed_until = Some(now + FIRST_PAUSE.saturating_mul(1 << doublings).min(MAX_PAUSE));
        self.on_trial = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn closes_after_two_consecutive_failures_then_allows_one_trial() {
        let mut circuit = Circuit::default();
        circuit.failed(at(0));
        circuit.succeeded();
        circuit.failed(at(0));
        assert_eq!(circuit.state(at(0)), State::Open);
        circuit.failed(at(0));
        // Three more parts were in flight.
        circuit.failed(at(500));
        assert_eq!((circuit.state(at(999)), circuit.state(at(1_000)), circuit.opens_at()), (State::Closed, State::Trial, at(1_000)));
        circuit.began(at(1_000));
        assert_eq!(circuit.state(at(1_000)), State::Closed, "one part only");
        circuit.spared();
        assert_eq!(circuit.state(at(1_000)), State::Trial);
        circuit.began(at(1_000));
        circuit.failed(at(1_100));
        assert_eq!((circuit.state(at(3_099)), circuit.state(at(3_100))), (State::Closed, State::Trial));
        circuit.began(at(3_100));
        circuit.succeeded();
        assert_eq!(circuit.state(at(3_100)), State::Open);
    }

    #[test]
    fn pause_never_exceeds_30_seconds() {
        let (mut circuit, mut now) = (Circuit::default(), at(0));
        circuit.dead(now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(circuit.opens_at() - now, Duration::from_secs(seconds));
            now = circuit.opens_at();
            circuit.failed(now);
        }
    }

    #[test]
    fn excluded_lane_stays_closed_and_held_lane_opens_on_success() {
        let mut circuit = Circuit::default();
        circuit.hold(at(2_000));
        assert_eq!((circuit.state(at(0)), circuit.state(at(2_000))), (State::Closed, State::Trial));
        circuit.succeeded();
        assert_eq!(circuit.state(at(0)), State::Open);
        circuit.leave_out();
        circuit.succeeded();
        assert_eq!(circuit.state(at(9_999)), State::Out);
    }
}
