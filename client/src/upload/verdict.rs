//! Decides what follows from the failure of a part.

use std::time::Duration;

use crate::Error;
use crate::lanes::Failing;
use crate::retry::Retry;

/// The decision.
#[derive(Debug)]
pub enum Verdict {
    /// The upload ends with this error.
    End(Error),
    /// The part is sent again.
    Again(Again),
}

/// How a part is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// Minimum wait before it is sent over the same lane.
    pub wait: Duration,
    /// The cause.
    pub failing: Failing,
    /// Whether it counts as an attempt.
    pub counts: bool,
    /// Whether fewer parts in flight may help.
    pub slower: bool,
    /// Whether the part may be stored nevertheless.
    pub may_be_stored: bool,
}

/// Decides on failed attempt number `attempt` (from 1) of a part; `others`: there are lanes that have not refused; `random` in 0..1.
pub fn classify_failure(error: Error, attempt: u32, others: bool, retry: &Retry, random: f64) -> Verdict {
    // The token was renewed, or the bytes were hashed again: worth another attempt, regardless of the server's retry advice.
    let worth_it = matches!(error.code(), Some("token-expired" | "chunk-hash-mismatch"));
    if !worth_it && !error.is_transient() && others && matches!(error, Error::Refused { .. }) {
        // Perhaps only this edge refuses; the refusal of the last one is final.
        return Verdict::Again(Again { wait: Duration::ZERO, failing: Failing::Refusal, counts: false, slower: false, may_be_stored: false });
    }
    let effective = if worth_it { Error::Stalled } else { error };
    let Some(wait) = retry.wait(attempt, &effective, random) else { return Verdict::End(effective) };
    // Rate limits are per account or address, on every edge.
    let limited = effective.status() == Some(429);
    let failing = if worth_it || limited { Failing::Other } else { Failing::Lane };
    Verdict::Again(Again { wait, failing, counts: true, slower: !worth_it, may_be_stored: !worth_it && outcome_unknown(&effective) })
}

/// Whether it is unknown if the store has the bytes: no response came from the server, or from the store to the server.
fn outcome_unknown(error: &Error) -> bool {
    let lost_behind = |code: &str| matches!(code, "origin-unreachable" | "origin-timeout" | "record-failed" | "internal");
    let told = matches!(error, Error::Refused { problem, .. } if problem.outcome == "unknown");
    told || matches!(error, Error::Unreachable(_) | Error::Stalled) || error.code().is_some_and(lost_behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Problem;

    fn refused(status: u16, code: &str) -> Error {
        Error::Refused { status, problem: Box::new(Problem { code: code.into(), ..Problem::default() }), retry_after: None }
    }

    fn again(error: Error, others: bool) -> Option<(Failing, bool, bool, bool)> {
        match classify_failure(error, 1, others, &Retry::default(), 0.5) {
            Verdict::Again(again) => Some((again.failing, again.counts, again.slower, again.may_be_stored)),
            Verdict::End(_) => None,
        }
    }

    #[test]
    fn failures_are_attributed_to_lane_or_other_cause() {
        assert_eq!(again(Error::Stalled, false), Some((Failing::Lane, true, true, true)));
        assert_eq!(again(refused(503, "origin-unavailable"), true), Some((Failing::Lane, true, true, false)));
        assert_eq!(again(refused(502, "origin-unreachable"), true), Some((Failing::Lane, true, true, true)));
        let problem = Problem { code: "origin-unavailable".into(), outcome: "unknown".into(), ..Problem::default() };
        let lost = Error::Refused { status: 503, problem: Box::new(problem), retry_after: None };
        assert_eq!(again(lost, true), Some((Failing::Lane, true, true, true)));
        assert_eq!(again(refused(429, "rate-limited"), true), Some((Failing::Other, true, true, false)));
        for code in ["token-expired", "chunk-hash-mismatch"] {
            assert_eq!(again(refused(401, code), true), Some((Failing::Other, true, false, false)));
        }
    }

    #[test]
    fn refusal_of_the_last_lane_ends_the_upload() {
        assert_eq!(again(refused(403, ""), true), Some((Failing::Refusal, false, false, false)));
        assert_eq!(again(refused(403, ""), false), None);
        assert_eq!(again(Error::FileChanged("f".into()), true), None, "no edge can help");
        assert!(matches!(classify_failure(Error::Stalled, 10, true, &Retry::default(), 0.5), Verdict::End(Error::Stalled)));
    }
}
