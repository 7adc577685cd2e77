//! Whether a lane may have parts: a circuit breaker (M. Nygard, "Release It!").

use std::time::Duration;

/// In a row: then the lane closes.
const FAILURES: u32 = 2;
/// For how long at first.
const FIRST: Duration = Duration::from_secs(1);
/// And at last.
const LAST: Duration = Duration::from_secs(30);

/// What a lane may have, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Parts.
    Open,
    /// One part, to see whether it works again.
    Trial,
    /// Nothing: closed, or its trial is on the way.
    Closed,
    /// Nothing, ever.
    Out,
}

/// A lane's record of failures. Times count from the beginning of the upload.
#[derive(Debug, Clone, Default)]
pub struct Circuit {
    /// In a row.
    failures: u32,
    closed_until: Option<Duration>,
    on_trial: bool,
    out: bool,
}

impl Circuit {
    /// What it is now.
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

    /// Nothing before `until`, unless it shows sooner that it works.
    pub fn hold(&mut self, until: Duration) {
        self.closed_until = Some(until);
    }

    /// A part begins.
    pub fn began(&mut self, now: Duration) {
        self.on_trial |= self.state(now) == State::Trial;
    }

    /// It works.
    pub fn succeeded(&mut self) {
        *self = Circuit { out: self.out, ..Circuit::default() };
    }

    /// It failed. What was begun before it closed and fails after tells nothing new.
    pub fn failed(&mut self, now: Duration) {
        if self.closed_until.is_some_and(|until| now < until) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.on_trial = false;
        if self.failures >= FAILURES {
            self.close(now);
        }
    }

    /// It does not answer at all.
    pub fn dead(&mut self, now: Duration) {
        self.failures = self.failures.max(FAILURES);
        self.close(now);
    }

    /// A part ended in a way that says nothing of the lane.
    pub fn spared(&mut self) {
        self.on_trial = false;
    }

    /// It refuses for good.
    pub fn leave_out(&mut self) {
        self.out = true;
    }

    fn close(&mut self, now: Duration) {
        let doublings = self.failures.saturating_sub(FAILURES).min(16);
        self.closed_until = Some(now + FIRST.saturating_mul(1 << doublings).min(LAST));
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
    fn closes_after_two_failures_in_a_row_and_tries_one_part() {
        let mut circuit = Circuit::default();
        circuit.failed(at(0));
        circuit.succeeded();
        circuit.failed(at(0));
        assert_eq!(circuit.state(at(0)), State::Open);
        circuit.failed(at(0));
        // Three more were in flight.
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
    fn never_closes_for_more_than_half_a_minute() {
        let (mut circuit, mut now) = (Circuit::default(), at(0));
        circuit.dead(now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(circuit.opens_at() - now, Duration::from_secs(seconds));
            now = circuit.opens_at();
            circuit.failed(now);
        }
    }

    #[test]
    fn out_is_out_and_held_opens_by_an_answer() {
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
