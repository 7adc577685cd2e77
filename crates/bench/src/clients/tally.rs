//! What became of the calls of a run.

use std::collections::BTreeMap;

use super::kind::Kind;
use super::verdict::Verdict;
use crate::report::{Figure, percentile};

/// Errors whose texts are kept.
const TOLD: usize = 10;

/// The calls of one kind.
#[derive(Debug, Default)]
struct Calls {
    /// From the instant at which the call was due to the end of its answer, ms.
    ms: Vec<f64>,
    deliberate: u32,
    errors: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tally {
    calls: BTreeMap<&'static str, Calls>,
    /// How late calls were sent, ms: what the load generator and busy clients add to their own times.
    late: Vec<f64>,
    /// The first errors, a line each.
    pub errors: Vec<String>,
}

impl Tally {
    /// Adds a call. `late_ms` after it was due it was sent, `ms` after that it was answered.
    pub fn add(&mut self, kind: Kind, verdict: Verdict, late_ms: f64, ms: f64) {
        let calls = self.calls.entry(kind.name()).or_default();
        calls.ms.push(ms);
        self.late.push(late_ms);
        match verdict {
            Verdict::Expected => {}
            Verdict::Deliberate => calls.deliberate += 1,
            Verdict::Error => calls.errors += 1,
        }
    }

    /// Notes an error.
    pub fn note(&mut self, error: impl FnOnce() -> String) {
        if self.errors.len() < TOLD {
            self.errors.push(error());
        }
    }

    /// The figures of a run of `seconds`, each with `what` before its name.
    pub fn figures(&self, what: &str, seconds: f64) -> Vec<Figure> {
        let total: usize = self.calls.values().map(|calls| calls.ms.len()).sum();
        let (deliberate, errors) =
            self.calls.values().fold((0, 0), |(deliberate, errors), calls| (deliberate + calls.deliberate, errors + calls.errors));
        let mut figures = vec![Figure::without_target(&format!("{what}: calls"), "/s", &[total as f64 / seconds])];
        for (kind, calls) in &self.calls {
            figures.push(Figure::without_target(&format!("{what}, {kind}: calls"), "/s", &[calls.ms.len() as f64 / seconds]));
            figures.push(Figure::without_target("- median", "ms", &[percentile(&calls.ms, 50)]));
            figures.push(Figure::without_target("- p99", "ms", &[percentile(&calls.ms, 99)]));
        }
        figures.push(Figure::without_target(&format!("{what}: sent after they were due, p99"), "ms", &[percentile(&self.late, 99)]));
        figures.push(Figure::without_target(&format!("{what}: deliberate 429, 503 and 507"), "", &[f64::from(deliberate)]));
        figures.push(Figure::at_most(&format!("{what}: other answers, and connections that broke"), "", &[f64::from(errors)], 0.0));
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_miss_the_target_and_refusals_do_not() {
        let mut tally = Tally::default();
        tally.add(Kind::Api, Verdict::Expected, 0.0, 5.0);
        tally.add(Kind::Api, Verdict::Deliberate, 0.0, 7.0);
        let last = |tally: &Tally| tally.figures("calm", 2.0).pop().and_then(|figure| figure.met);
        assert_eq!((tally.figures("calm", 2.0)[0].value, last(&tally)), (1.0, Some(true)));
        tally.add(Kind::Video, Verdict::Error, 0.0, 1.0);
        assert_eq!(last(&tally), Some(false));
        for _ in 0..50 {
            tally.note(|| "x".into());
        }
        assert_eq!(tally.errors.len(), TOLD);
    }
}
