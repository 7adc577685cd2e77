//! SQL of what became of jobs, and of what waits.

use crate::base::sql::{Arg, Statement};
use crate::base::time::EpochMs;
use crate::health::job_records::Run;

/// Kinds of jobs that are told, of which there are some twenty.
const MAX_KINDS: u64 = 100;

/// Rows that are counted of what waits, of each kind and database.
pub const MAX_WAITING: u64 = 10_000;

const FAILED: &str = "INSERT INTO job_failures (kind, failed, dead, last_failed_at, last_error) VALUES (?1, 1, 0, ?2, ?3) \
     ON CONFLICT (kind) DO UPDATE SET failed = failed + 1, last_failed_at = ?2, last_error = ?3";

const DEAD: &str = "INSERT INTO job_failures (kind, failed, dead, last_dead_at) VALUES (?1, 0, 1, ?2) \
     ON CONFLICT (kind) DO UPDATE SET dead = dead + 1, last_dead_at = ?2";

const RAN: &str = "INSERT INTO job_runs (name, last_at) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET last_at = MAX(last_at, ?2)";

const FAILURES: &str = "SELECT kind, failed, dead, last_failed_at, last_dead_at, last_error FROM job_failures WHERE kind > '' ORDER BY kind LIMIT ?1";

const RUNS: &str = "SELECT name, last_at FROM job_runs WHERE name > '' ORDER BY name LIMIT ?1";

// ?1: the present; ?2: how many are counted. Each on the index of what is not done.
const WAITING: &str = "SELECT \
     (SELECT COUNT(*) FROM (SELECT 1 FROM objects WHERE verification = 'pending' AND created_at >= 0 LIMIT ?2) t) AS verification, \
     (SELECT COUNT(*) FROM (SELECT 1 FROM objects WHERE refs = 0 AND condemned = 0 AND doomed_at >= 0 LIMIT ?2) t) AS collection, \
     (SELECT COUNT(*) FROM (SELECT 1 FROM webhook_outbox WHERE status = 'pending' AND due_at >= 0 LIMIT ?2) t) AS deliveries, \
     (SELECT CAST(MAX(0, ?1 - due_at) AS INTEGER) FROM webhook_outbox WHERE status = 'pending' AND due_at >= 0 ORDER BY due_at LIMIT 1) AS deliveries_late_ms, \
     (SELECT COUNT(*) FROM (SELECT 1 FROM accounts WHERE deleting_at >= 0 LIMIT ?2) t) AS accounts_deleting, \
     (SELECT COUNT(*) FROM (SELECT 1 FROM directory WHERE kind = 'account' AND moving > 0 LIMIT ?2) t) AS accounts_moving";

/// The statements of this file.
pub const ALL: &[(&str, &str)] =
    &[("FAILED", FAILED), ("DEAD", DEAD), ("RAN", RAN), ("FAILURES", FAILURES), ("RUNS", RUNS), ("JOBS_WAITING", WAITING)];

/// An attempt failed with a problem of that code.
pub fn failed(kind: &str, code: &str, now: EpochMs) -> Statement {
    Statement { sql: FAILED, args: vec![kind.into(), Arg::Int(now.0), code.into()] }
}

/// The queue gave a job up.
pub fn dead(kind: &str, now: EpochMs) -> Statement {
    Statement { sql: DEAD, args: vec![kind.into(), Arg::Int(now.0)] }
}

/// Something ran.
pub fn ran(run: Run, now: EpochMs) -> Statement {
    Statement { sql: RAN, args: vec![run.name().into(), Arg::Int(now.0)] }
}

/// What failed, and what ran: in the first database. [`super::Failures`], [`super::LastRun`].
pub fn recorded() -> [Statement; 2] {
    [Statement { sql: FAILURES, args: vec![MAX_KINDS.into()] }, Statement { sql: RUNS, args: vec![MAX_KINDS.into()] }]
}

/// What waits in a database: [`super::Waiting`].
pub fn waiting(now: EpochMs) -> Statement {
    Statement { sql: WAITING, args: vec![Arg::Int(now.0), MAX_WAITING.into()] }
}
