//! The statement of a month: what an account stored, had read from the store and called, and what it costs (docs/accounts.md, Statements).

use serde::{Deserialize, Serialize};

use crate::base::id::Name;
use crate::base::time::EpochMs;
use crate::ledger::cost::{Prices, cost};
use crate::ledger::period::Period;
use crate::ledger::state::Usage;
use crate::problem::Problem;

/// A month as `storage_usage` has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StatementFigures"))]
pub struct Figures {
    /// Bytes stored at the end, or now.
    pub storage_bytes: u64,
    /// GB stored x the share of the month for which they were.
    pub storage_gb_months: f64,
    /// Bytes of content that left.
    pub bandwidth_bytes: u64,
    /// Bytes of content read from the store.
    pub origin_bytes: u64,
    /// Calls of the JSON API.
    pub request_count: u64,
    /// US dollars, of what was stored.
    pub storage_cost: f64,
    /// US dollars, of what was read from the store: each byte at the price of its namespace.
    pub bandwidth_cost: f64,
    /// Both together, US dollars.
    pub total_cost: f64,
}

/// A row of `storage_usage`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Row {
    #[serde(flatten)]
    figures: Figures,
    recorded_at: EpochMs,
    closed_at: Option<EpochMs>,
}

impl Row {
    /// Whether its figures are final.
    pub fn is_closed(&self) -> bool {
        self.closed_at.is_some()
    }
}

/// The answer of `GET /api/agentcache/statement`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Statement {
    /// The platform's id of the user.
    pub agentcache_user_id: Name,
    /// `2026-11`.
    pub period: String,
    /// Its beginning.
    pub period_start: String,
    /// Its end, which is not part of it.
    pub period_end: String,
    /// Whether the figures are final.
    pub closed: bool,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// `USD`.
    pub currency: &'static str,
    /// When the figures were taken; None of a month without any.
    pub recorded_at: Option<String>,
    /// When they became final.
    pub closed_at: Option<String>,
}

/// Reads the parameter `period`; the current month without one.
///
/// # Errors
/// 422 naming it, also for a month that has not begun.
pub fn period(text: Option<&str>, now: EpochMs) -> Result<Period, Problem> {
    let current = Period::of(now);
    let wanted = text.map_or(Some(current), Period::parse).filter(|wanted| *wanted <= current);
    wanted.ok_or_else(|| Problem::invalid("period", "must be a month that has begun, as 2026-11"))
}

impl Figures {
    fn of(usage: &Usage, prices: &Prices) -> Figures {
        let (storage_cost, bandwidth_cost) = cost(usage, prices);
        Figures {
            storage_bytes: usage.storage,
            storage_gb_months: usage.accrual.gb_months(usage.period),
            bandwidth_bytes: usage.bandwidth,
            origin_bytes: usage.accrual.store_bytes,
            request_count: usage.requests,
            storage_cost,
            bandwidth_cost,
            total_cost: storage_cost + bandwidth_cost,
        }
    }
}

impl Statement {
    fn new(user: &Name, period: Period, figures: Figures) -> Statement {
        Statement {
            agentcache_user_id: user.clone(),
            period: period.to_string(),
            period_start: period.start().rfc3339(),
            period_end: period.end().rfc3339(),
            closed: false,
            figures,
            currency: "USD",
            recorded_at: None,
            closed_at: None,
        }
    }

    /// Of figures that the ledger has at `now`, and may still change.
    pub fn so_far(user: &Name, usage: &Usage, prices: &Prices, now: EpochMs) -> Statement {
        Statement { recorded_at: Some(now.rfc3339()), ..Statement::new(user, usage.period, Figures::of(usage, prices)) }
    }

    /// Of a month that is over, as it was written; without a row nothing was stored or called in it.
    pub fn written(user: &Name, period: Period, row: Option<Row>) -> Statement {
        let Some(row) = row else { return Statement { closed: true, ..Statement::new(user, period, Figures::default()) } };
        Statement {
            closed: row.closed_at.is_some(),
            recorded_at: Some(row.recorded_at.rfc3339()),
            closed_at: row.closed_at.map(EpochMs::rfc3339),
            ..Statement::new(user, period, row.figures)
        }
    }

    /// The same as CSV (RFC 4180): a line with the names of the columns, and one with the figures.
    pub fn csv(&self) -> String {
        let Figures { storage_bytes, storage_gb_months, bandwidth_bytes, origin_bytes, request_count, storage_cost, bandwidth_cost, total_cost } =
            self.figures;
        let Statement { agentcache_user_id, period, period_start, period_end, closed, currency, .. } = self;
        // Nothing has to be quoted: user ids have no comma, quote or line break.
        format!(
            "agentcache_user_id,period,period_start,period_end,closed,storage_bytes,storage_gb_months,bandwidth_bytes,origin_bytes,request_count,\
             storage_cost,bandwidth_cost,total_cost,currency\r\n{agentcache_user_id},{period},{period_start},{period_end},{closed},{storage_bytes},\
             {storage_gb_months},{bandwidth_bytes},{origin_bytes},{request_count},{storage_cost},{bandwidth_cost},{total_cost},{currency}\r\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::GB;
    use crate::ledger::accrual::{Accrual, StoreReads};

    fn user() -> Name {
        Name::parse("ada").unwrap()
    }

    #[test]
    fn period_is_a_month_that_has_begun_and_the_current_one_without_it() {
        let now = EpochMs::parse("2026-11-30T07:00:00Z").unwrap();
        assert_eq!(period(None, now).unwrap().to_string(), "2026-11");
        assert_eq!(period(Some("2026-11"), now).unwrap().to_string(), "2026-11");
        assert_eq!(period(Some("2025-02"), now).unwrap().to_string(), "2025-02");
        for bad in ["", "2026-12", "2026-13", "november", "2026-11-30", "9999-01"] {
            assert!(matches!(period(Some(bad), now), Err(Problem::Invalid { field, .. }) if field == "period"), "{bad}");
        }
    }

    #[test]
    fn figures_so_far_are_priced_and_not_closed_and_in_csv_the_same() {
        let now = EpochMs::parse("2026-11-16T00:00:00Z").unwrap();
        let period = Period::of(now);
        let mut accrual = Accrual::since(period.start());
        accrual.store(2 * GB, now, period);
        accrual.read(StoreReads::at(GB, 0.25));
        let usage = Usage { period, storage: 2 * GB, bandwidth: 5 * GB, requests: 7, accrual };
        let statement = Statement::so_far(&user(), &usage, &Prices { storage_gb_month: 0.5, origin_gb: 9.0 }, now);
        assert!(!statement.closed && statement.closed_at.is_none());
        let Figures { storage_gb_months, storage_cost, bandwidth_cost, total_cost, .. } = statement.figures;
        assert_eq!((storage_gb_months, storage_cost, bandwidth_cost, total_cost), (1.0, 0.5, 0.25, 0.75));
        let csv = statement.csv();
        let lines: Vec<Vec<&str>> = csv.split("\r\n").map(|line| line.split(',').collect()).collect();
        assert_eq!((lines.len(), lines[0].len(), lines[1].len(), lines[2].as_slice()), (3, 14, 14, [""].as_slice()));
        assert_eq!(lines[1][..6], ["ada", "2026-11", "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z", "false", "2000000000"]);
        assert_eq!(lines[1][6..], ["1", "5000000000", "1000000000", "7", "0.5", "0.25", "0.75", "USD"]);
    }

    #[test]
    fn month_is_closed_if_its_row_is_or_if_it_has_none() {
        let period = Period::parse("2026-10").unwrap();
        let row = |closed_at: Option<u64>| -> Row {
            serde_json::from_value(serde_json::json!({
                "storage_bytes": 1, "storage_gb_months": 0.5, "bandwidth_bytes": 2, "origin_bytes": 3, "request_count": 4, "storage_cost": 0.5,
                "bandwidth_cost": 0.25, "total_cost": 0.75, "recorded_at": 5, "closed_at": closed_at
            }))
            .unwrap()
        };
        let closed = Statement::written(&user(), period, Some(row(Some(6))));
        assert_eq!((closed.closed, closed.figures.total_cost, closed.closed_at.as_deref()), (true, 0.75, Some("1970-01-01T00:00:00.006Z")));
        assert!(!Statement::written(&user(), period, Some(row(None))).closed);
        let none = Statement::written(&user(), period, None);
        assert!(none.closed && none.figures == Figures::default() && none.recorded_at.is_none());
    }
}
