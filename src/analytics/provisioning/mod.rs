//! Figures of provisioning: how its calls ended, and how long they took (docs/accounts.md, Provisioning).

pub mod repository;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analytics::period::Period;
use crate::base::histogram::Histogram;

/// How a call ended that is no refusal.
const CREATED: &str = "created";
const EXISTING: &str = "existing";
const REPEATED: &str = "repeated";

/// How a call ended, as it is counted: with an account, with the first call's answer, or the code of its refusal.
pub fn outcome(answer: Result<(u16, bool), &'static str>) -> &'static str {
    match answer {
        Ok((_, true)) => REPEATED,
        Ok((201, false)) => CREATED,
        Ok(_) => EXISTING,
        Err(code) => code,
    }
}

/// Calls of one outcome and class of duration: one row of [`repository::of_period`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Counted {
    outcome: String,
    bucket: usize,
    calls: u64,
}

/// The answer of `GET /api/portal/provisioning`.
#[derive(Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ProvisioningFigures"))]
pub struct Report {
    /// `24h`, `7d` or `30d`.
    pub period: &'static str,
    /// All calls.
    pub calls: u64,
    /// Calls that created an account.
    pub created: u64,
    /// Calls that found what they asked for: those below together.
    pub cached: u64,
    /// Of these, calls for a user that had an account.
    pub existing: u64,
    /// Of these, calls that got the first answer to their webhook-id or Idempotency-Key.
    pub repeated: u64,
    /// Calls that were refused.
    pub refused_total: u64,
    /// The same by the code of the problem.
    pub refused: BTreeMap<String, u64>,
    /// Duration that 50 % of the calls kept below, ms; None without calls.
    pub p50_ms: Option<f64>,
    /// The same of 95 %.
    pub p95_ms: Option<f64>,
}

impl Report {
    /// Sums up rows.
    pub fn of(period: Period, rows: &[Counted]) -> Report {
        let mut report = Report { period: period.as_str(), ..Report::default() };
        let mut times = Histogram::default();
        for Counted { outcome, bucket, calls } in rows {
            times.add_to(*bucket, *calls);
            report.calls = report.calls.saturating_add(*calls);
            let sum = match outcome.as_str() {
                CREATED => &mut report.created,
                EXISTING => &mut report.existing,
                REPEATED => &mut report.repeated,
                refusal => report.refused.entry(refusal.to_owned()).or_default(),
            };
            *sum = sum.saturating_add(*calls);
        }
        report.cached = report.existing.saturating_add(report.repeated);
        report.refused_total = report.refused.values().fold(0, |sum: u64, calls| sum.saturating_add(*calls));
        (report.p50_ms, report.p95_ms) = (times.quantile(0.5), times.quantile(0.95));
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_is_counted_by_what_it_was_answered() {
        let outcomes = [Ok((201, false)), Ok((200, false)), Ok((201, true)), Ok((200, true)), Err("downgrade-refused")].map(outcome);
        assert_eq!(outcomes, ["created", "existing", "repeated", "repeated", "downgrade-refused"]);
    }

    #[test]
    fn report_adds_up_to_its_calls_and_tells_nothing_of_durations_without_any() {
        let row = |outcome: &str, bucket, calls| Counted { outcome: outcome.to_owned(), bucket, calls };
        let rows = [
            row("created", 6, 10),
            row("created", 9, 1),
            row("existing", 4, 5),
            row("repeated", 3, 3),
            row("invalid-value", 0, 2),
            row("downgrade-refused", 5, 1),
            row("invalid-value", 1, 1),
        ];
        let report = Report::of(Period::Day, &rows);
        assert_eq!((report.period, report.calls, report.created, report.cached), ("24h", 23, 11, 8));
        assert_eq!((report.existing, report.repeated, report.refused_total), (5, 3, 4));
        assert_eq!(report.refused, BTreeMap::from([("downgrade-refused".to_owned(), 1), ("invalid-value".to_owned(), 3)]));
        assert!(report.p95_ms.is_some_and(|ms| (50.0..=100.0).contains(&ms)), "{report:?}");
        assert_eq!(Report::of(Period::Week, &[]), Report { period: "7d", ..Report::default() });
    }
}
