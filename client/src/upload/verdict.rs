//! A part failed: what now?

use std::time::Duration;

use crate::Error;
use crate::lanes::Failing;
use crate::retry::Retry;

/// What now.
#[derive(Debug)]
pub enum Verdict {
    /// The upload ends with this.
    End(Error),
    /// The part goes again.
    Again(Again),
}

/// How a part goes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// Not before then on the same lane.
    pub wait: Duration,
    /// Whose fault it is.
    pub failing: Failing,
    /// Whether it is a try the less.
    pub counts: bool,
    /// Whether fewer parts in flight may help.
    pub slower: bool,
    /// Whether the part may be there all the same.
    pub ask: bool,
}

/// Judges failed try number `attempt` (from 1) of a part; `others`: lanes are left that have not refused; `random` in 0..1.
pub fn judge(error: Error, attempt: u32, others: bool, retry: &Retry, random: f64) -> Verdict {
    // A new token is there, or the bytes were looked at again: the same is worth another try, whatever the server said of it.
    let worth_it = matches!(error.code(), Some("token-expired" | "chunk-hash-mismatch"));
    if !worth_it && !error.is_transient() && others && matches!(error, Error::Refused { .. }) {
        // Perhaps only this edge refuses; the last one's word is final.
        return Verdict::Again(Again { wait: Duration::ZERO, failing: Failing::Refusal, counts: false, slower: false, ask: false });
    }
    let judged = if worth_it { Error::Stalled } else { error };
    let Some(wait) = retry.wait(attempt, &judged, random) else { return Verdict::End(judged) };
    // Too many requests are the account's or the address's, on every edge.
    let limited = judged.status() == Some(429);
    let failing = if worth_it || limited { Failing::Other } else { Failing::Lane };
    Verdict::Again(Again { wait, failing, counts: true, slower: !worth_it, ask: !worth_it && unheard(&judged) })
}

/// Whether nobody can say if the store took the bytes: no answer came, from the server or to it.
fn unheard(error: &Error) -> bool {
    let lost_behind = |code: &str| matches!(code, "origin-unreachable" | "origin-timeout" | "record-failed" | "internal");
    matches!(error, Error::Unreachable(_) | Error::Stalled) || error.code().is_some_and(lost_behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Problem;

    fn refused(status: u16, code: &str) -> Error {
        Error::Refused { status, problem: Box::new(Problem { code: code.into(), ..Problem::default() }), retry_after: None }
    }

    fn again(error: Error, others: bool) -> Option<(Failing, bool, bool, bool)> {
        match judge(error, 1, others, &Retry::default(), 0.5) {
            Verdict::Again(again) => Some((again.failing, again.counts, again.slower, again.ask)),
            Verdict::End(_) => None,
        }
    }

    #[test]
    fn whose_fault_it_is() {
        assert_eq!(again(Error::Stalled, false), Some((Failing::Lane, true, true, true)));
        assert_eq!(again(refused(503, "origin-unavailable"), true), Some((Failing::Lane, true, true, false)));
        assert_eq!(again(refused(502, "origin-unreachable"), true), Some((Failing::Lane, true, true, true)));
        assert_eq!(again(refused(429, "rate-limited"), true), Some((Failing::Other, true, true, false)));
        for code in ["token-expired", "chunk-hash-mismatch"] {
            assert_eq!(again(refused(401, code), true), Some((Failing::Other, true, false, false)));
        }
    }

    #[test]
    fn the_last_refusal_ends_it() {
        assert_eq!(again(refused(403, ""), true), Some((Failing::Refusal, false, false, false)));
        assert_eq!(again(refused(403, ""), false), None);
        assert_eq!(again(Error::FileChanged("f".into()), true), None, "no edge can help");
        assert!(matches!(judge(Error::Stalled, 10, true, &Retry::default(), 0.5), Verdict::End(Error::Stalled)));
    }
}
