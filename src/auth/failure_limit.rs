//! Limits the failed authentications of an address, before what they cost: an account is looked up, or a signed body read, only if the address has failures
//! left for it. Calls that succeed cost their address nothing.

use crate::auth::rate_limit;
use crate::auth::rate_limit::RateLimitStatus;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;

/// Time after which an attempt whose end was not reported no longer counts as under way, ms: the runtime does not tell when it has cancelled a request.
const ATTEMPT_MS: u64 = 10_000;

/// How long a call waits for the attempts of its address, ms: several lookups, but not the reading of a slow body.
const WAIT_MS: u64 = 1_000;

/// Maximum number of calls of an address that wait: each looks again and again.
const MAX_WAITING: usize = 50;

/// Maximum number of addresses.
const MAX_ADDRESSES: usize = 10_000;

/// Maximum memory, bytes.
const MAX_BYTES: usize = 2_000_000;

/// What is known of an address.
#[derive(Debug, Clone, Default)]
struct Record {
    /// Rate limiter of its failures: theoretical arrival time, µs (see [`rate_limit`]).
    arrival_us: u64,
    /// Attempts under way, by the instant at which each is given up.
    attempts: Vec<EpochMs>,
    /// Calls that wait for these to end, by the instant at which each gives up.
    waiting: Vec<EpochMs>,
}

/// The answer to an address that wants to be authenticated.
#[derive(Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It may; its end must be reported.
    Begun,
    /// Should all its attempts under way fail, its failures are used up: ask again when some have ended, until this instant.
    Wait(EpochMs),
    /// Its failures are used up.
    Refused(RateLimitStatus),
}

/// Failures by address.
#[derive(Debug)]
pub struct FailureLimit {
    records: TtlMap<String, Record>,
}

impl Default for FailureLimit {
    fn default() -> FailureLimit {
        FailureLimit {
            records: TtlMap::new(MAX_ADDRESSES, MAX_BYTES, |address, record| {
                address.len() + size_of::<Record>() + (record.attempts.len() + record.waiting.len()) * 8
            }),
        }
    }
}

impl FailureLimit {
    fn record(&self, address: &str, now: EpochMs) -> Record {
        let mut record = self.records.get(address, now).cloned().unwrap_or_default();
        record.attempts.retain(|until| now < *until);
        record.waiting.retain(|until| now < *until);
        record
    }

    fn keep(&mut self, address: &str, record: Record, window_ms: u64, now: EpochMs) {
        // After a window without failures all of them are available again.
        self.records.insert(address.to_owned(), record, now.plus(window_ms.max(ATTEMPT_MS)), now);
    }

    /// Begins an attempt of the address, which may fail `quota` times per window. `waits_until` is what an earlier [`Attempt::Wait`] of the same call said.
    pub fn begin(&mut self, address: &str, (quota, window_ms): (u64, u64), waits_until: Option<EpochMs>, now: EpochMs) -> Attempt {
        let mut record = self.record(address, now);
        let status = rate_limit::status(record.arrival_us, quota, window_ms, now.0);
        if status.remaining == 0 {
            return Attempt::Refused(status);
        }
        if u64::try_from(record.attempts.len()).unwrap_or(u64::MAX) >= status.remaining {
            return match waits_until {
                Some(until) if now < until => Attempt::Wait(until),
                None if record.waiting.len() < MAX_WAITING => {
                    let until = now.plus(WAIT_MS);
                    record.waiting.push(until);
                    self.keep(address, record, window_ms, now);
                    Attempt::Wait(until)
                }
                _ => Attempt::Refused(RateLimitStatus { remaining: 0, reset: 1, admitted: false, ..status }),
            };
        }
        record.attempts.push(now.plus(ATTEMPT_MS));
        self.keep(address, record, window_ms, now);
        Attempt::Begun
    }

    /// Ends an attempt that [`Attempt::Begun`] allowed.
    pub fn end(&mut self, address: &str, (_, window_ms): (u64, u64), now: EpochMs) {
        let mut record = self.record(address, now);
        // Which one does not matter.
        record.attempts.pop();
        self.keep(address, record, window_ms, now);
    }

    /// Counts a failure.
    pub fn fail(&mut self, address: &str, (quota, window_ms): (u64, u64), now: EpochMs) -> RateLimitStatus {
        let mut record = self.record(address, now);
        let status = rate_limit::admit(&mut record.arrival_us, quota, window_ms, now.0);
        self.keep(address, record, window_ms, now);
        status
    }

    /// Uses up the failures of an address that has failed too often elsewhere.
    pub fn exhaust(&mut self, address: &str, window_ms: u64, now: EpochMs) {
        let record = Record { arrival_us: now.plus(window_ms).0.saturating_mul(1000), ..self.record(address, now) };
        self.keep(address, record, window_ms, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: (u64, u64) = (100, 60_000);
    const NOW: EpochMs = EpochMs(1_795_000_000_000);

    fn refused(attempt: &Attempt) -> bool {
        matches!(attempt, Attempt::Refused(status) if status.remaining == 0 && !status.admitted)
    }

    #[test]
    fn of_130_wrong_keys_one_after_the_other_100_are_looked_up() {
        let mut limit = FailureLimit::default();
        let mut lookups = 0;
        for _ in 0..130 {
            if limit.begin("a", POLICY, None, NOW) == Attempt::Begun {
                lookups += 1;
                limit.end("a", POLICY, NOW);
                limit.fail("a", POLICY, NOW);
            }
        }
        assert_eq!(lookups, 100);
        assert!(refused(&limit.begin("a", POLICY, None, NOW)));
        assert_eq!(limit.begin("b", POLICY, None, NOW), Attempt::Begun, "another address");
        assert_eq!(limit.begin("a", POLICY, None, NOW.plus(600)), Attempt::Begun, "one more after 600 ms");
    }

    #[test]
    fn of_130_wrong_keys_at_once_100_are_looked_up() {
        let mut limit = FailureLimit::default();
        let begun = (0..130).filter(|_| limit.begin("a", POLICY, None, NOW) == Attempt::Begun).count();
        assert_eq!((begun, limit.begin("a", POLICY, None, NOW)), (100, Attempt::Wait(NOW.plus(WAIT_MS))));
        for _ in 0..100 {
            limit.end("a", POLICY, NOW);
            limit.fail("a", POLICY, NOW);
        }
        assert!(refused(&limit.begin("a", POLICY, None, NOW)));
    }

    #[test]
    fn call_waits_for_a_second_and_of_200_at_once_50_wait() {
        let mut limit = FailureLimit::default();
        let policy = (1, 60_000);
        assert_eq!(limit.begin("a", policy, None, NOW), Attempt::Begun);
        let until = NOW.plus(WAIT_MS);
        let waiting = (0..200).filter(|_| limit.begin("a", policy, None, NOW) == Attempt::Wait(until)).count();
        assert_eq!(waiting, MAX_WAITING);
        assert_eq!(limit.begin("a", policy, Some(until), NOW.plus(WAIT_MS - 1)), Attempt::Wait(until));
        assert!(refused(&limit.begin("a", policy, Some(until), until)));
        limit.end("a", policy, until);
        assert_eq!(limit.begin("a", policy, Some(until), until), Attempt::Begun);
    }

    #[test]
    fn calls_that_succeed_cost_their_address_nothing() {
        let mut limit = FailureLimit::default();
        for _ in 0..1_000 {
            assert_eq!(limit.begin("a", POLICY, None, NOW), Attempt::Begun);
            limit.end("a", POLICY, NOW);
        }
    }

    #[test]
    fn attempt_whose_end_is_not_reported_is_given_up() {
        let mut limit = FailureLimit::default();
        let policy = (1, 60_000);
        assert_eq!((limit.begin("a", policy, None, NOW), limit.begin("a", policy, None, NOW)), (Attempt::Begun, Attempt::Wait(NOW.plus(WAIT_MS))));
        assert_eq!(limit.begin("a", policy, None, NOW.plus(ATTEMPT_MS)), Attempt::Begun);
    }

    #[test]
    fn exhausted_address_is_refused_for_a_window() {
        let mut limit = FailureLimit::default();
        limit.exhaust("a", 60_000, NOW);
        assert!(refused(&limit.begin("a", POLICY, None, NOW)));
        assert_eq!(limit.begin("a", POLICY, None, NOW.plus(60_000)), Attempt::Begun);
        let none = (0, 60_000);
        assert!(refused(&limit.begin("b", none, None, NOW)), "a quota of 0 looks nothing up");
    }
}
