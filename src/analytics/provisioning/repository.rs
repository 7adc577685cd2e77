//! SQL of figures of provisioning, for the first database. One row for an hour, an outcome and a class of duration, so that a call costs one row.

use crate::analytics::period::{HOURS_KEPT_MS, start_of};
use crate::base::histogram::bucket_of;
use crate::base::sql::{Arg, Statement};
use crate::base::time::{DAY_MS, EpochMs, HOUR_MS};

const COUNT: &str = "INSERT INTO provisioning_hourly (hour, outcome, bucket, calls) VALUES (?1, ?2, ?3, 1) \
     ON CONFLICT (hour, outcome, bucket) DO UPDATE SET calls = calls + 1";

const OF_PERIOD: &str = "SELECT outcome, bucket, SUM(calls) AS calls FROM provisioning_hourly WHERE hour >= ?1 GROUP BY outcome, bucket";

const FORGET: &str = "DELETE FROM provisioning_hourly WHERE (hour, outcome, bucket) IN (SELECT hour, outcome, bucket FROM provisioning_hourly \
     WHERE hour < ?1 LIMIT ?2) RETURNING hour";

/// The statements of this file.
pub const ALL: &[(&str, &str)] = &[("COUNT", COUNT), ("OF_PERIOD", OF_PERIOD), ("FORGET", FORGET)];

/// Counts a call that ended at `now` after `ms`.
pub fn count(outcome: &str, ms: u64, now: EpochMs) -> Statement {
    // Durations are below 2^53: exact in f64.
    let bucket = u64::try_from(bucket_of(ms as f64)).unwrap_or_default();
    Statement { sql: COUNT, args: vec![Arg::Int(start_of(now, HOUR_MS).0), outcome.into(), bucket.into()] }
}

/// Calls since `from`: rows of [`crate::analytics::provisioning::Counted`].
pub fn of_period(from: EpochMs) -> Statement {
    Statement { sql: OF_PERIOD, args: vec![Arg::Int(from.0)] }
}

/// Deletes at most `limit` rows that are past their time; a row for each.
pub fn forget(now: EpochMs, limit: u64) -> Statement {
    Statement { sql: FORGET, args: vec![Arg::Int(start_of(now, DAY_MS).0.saturating_sub(HOURS_KEPT_MS)), limit.into()] }
}
