//! What became of jobs (docs/api.md, `GET /api/portal/jobs`).

pub mod repository;

use serde::{Deserialize, Serialize};

use crate::base::time::EpochMs;

/// What runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The daily run.
    Daily,
    /// The hourly run.
    Hourly,
    /// A pass over the store's uploads.
    Sweep,
}

impl Run {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Run::Daily => "daily",
            Run::Hourly => "hourly",
            Run::Sweep => "sweep",
        }
    }
}

/// Failures of a kind of job: one row of [`repository::failures`].
#[derive(Debug, Deserialize)]
pub struct Failures {
    kind: String,
    failed: u64,
    dead: u64,
    last_failed_at: Option<EpochMs>,
    last_dead_at: Option<EpochMs>,
    last_error: Option<String>,
}

/// When something ran last: one row of [`repository::runs`].
#[derive(Debug, Deserialize)]
pub struct LastRun {
    name: String,
    last_at: EpochMs,
}

/// What waits, of one database: [`repository::waiting`].
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub struct Waiting {
    verification: u64,
    collection: u64,
    deliveries: u64,
    deliveries_late_ms: Option<u64>,
    accounts_deleting: u64,
    accounts_moving: u64,
}

/// The same of all databases.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WaitingWork"))]
pub struct WaitingView {
    /// Objects whose bytes have not been looked at.
    verification: u64,
    /// Objects that nothing references.
    collection: u64,
    /// Events that are not delivered.
    deliveries: u64,
    /// For how long the oldest of these has been due, s.
    deliveries_late_seconds: u64,
    /// Accounts that are being deleted.
    accounts_deleting: u64,
    /// Accounts that are being moved.
    accounts_moving: u64,
}

/// A kind of job as operators see it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "JobKind"))]
pub struct FailuresView {
    kind: String,
    /// Attempts that failed; the queue repeats them.
    failed: u64,
    /// Jobs that failed too often for the queue.
    dead: u64,
    last_failed_at: Option<String>,
    last_dead_at: Option<String>,
    /// The problem's code.
    last_error: Option<String>,
}

/// When something ran last, as operators see it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "LastRun"))]
pub struct LastRunView {
    name: String,
    last_at: String,
}

/// Jobs.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobsView {
    waiting: WaitingView,
    kinds: Vec<FailuresView>,
    runs: Vec<LastRunView>,
}

impl JobsView {
    /// Of what was recorded, and of what waits in each database.
    pub fn new(failures: Vec<Failures>, runs: Vec<LastRun>, waiting: &[Waiting]) -> JobsView {
        let sum = |of: fn(&Waiting) -> u64| waiting.iter().map(of).fold(0, u64::saturating_add);
        let late_ms = waiting.iter().filter_map(|waiting| waiting.deliveries_late_ms).max();
        JobsView {
            waiting: WaitingView {
                verification: sum(|waiting| waiting.verification),
                collection: sum(|waiting| waiting.collection),
                deliveries: sum(|waiting| waiting.deliveries),
                deliveries_late_seconds: late_ms.unwrap_or_default() / 1000,
                accounts_deleting: sum(|waiting| waiting.accounts_deleting),
                accounts_moving: sum(|waiting| waiting.accounts_moving),
            },
            kinds: failures.into_iter().map(FailuresView::from).collect(),
            runs: runs.into_iter().map(|run| LastRunView { name: run.name, last_at: run.last_at.rfc3339() }).collect(),
        }
    }
}

impl From<Failures> for FailuresView {
    fn from(failures: Failures) -> FailuresView {
        FailuresView {
            kind: failures.kind,
            failed: failures.failed,
            dead: failures.dead,
            last_failed_at: failures.last_failed_at.map(EpochMs::rfc3339),
            last_dead_at: failures.last_dead_at.map(EpochMs::rfc3339),
            last_error: failures.last_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_the_sum_of_all_databases_and_the_longest_delay() {
        let waiting = |late| Waiting { verification: 2, collection: 3, deliveries: 1, deliveries_late_ms: late, ..Waiting::default() };
        let view = JobsView::new(Vec::new(), Vec::new(), &[waiting(Some(1_999)), waiting(Some(61_000)), waiting(None)]);
        let view = serde_json::to_value(view).unwrap();
        let wanted = serde_json::json!({
            "verification": 6, "collection": 9, "deliveries": 3, "deliveries_late_seconds": 61, "accounts_deleting": 0, "accounts_moving": 0,
        });
        assert_eq!(view["waiting"], wanted);
    }
}
