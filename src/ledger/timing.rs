//! Intervals of the ledger.
//!
//!
//! The Durable Object loads the state machine, applies a message and writes the effects within one turn. Operations that a crash may interrupt have a
//! pending check with an instant at which D1 is queried; the intervals below say when.

/// Delay between a change of what is stored and the write of the usage to D1, ms: short enough for a dashboard, long enough to batch writes.
pub const CHECKPOINT_MS: u64 = 5_000;

/// The same delay if only bytes that left or were read were counted, ms: they come every few seconds as long as anybody watches.
pub const TRAFFIC_CHECKPOINT_MS: u64 = 30_000;

/// The same delay if only API calls were counted, ms. A write with its alarm is billed as much as fifteen requests (docs/costs.md), and clients that poll
/// call every few minutes.
pub const COUNT_CHECKPOINT_MS: u64 = 3_600_000;

/// Maximum age of the limits for callers that carry none (token holders), ms.
pub const LIMITS_MS: u64 = 25_000;

/// Delay between the reservation of an upload and its check, ms: by then D1 has the session's row or the request has died.
pub const START_CHECK_MS: u64 = 60_000;

/// Delay until an upload that is still open is checked again, ms.
pub const OPEN_RECHECK_MS: u64 = 3_600_000;

/// Delay until a failed D1 query is repeated, ms.
pub const QUERY_RETRY_MS: u64 = 60_000;

/// Delay between the reservation of a single-request upload and its check, ms: long enough for 100 MB at 14 KB/s.
pub const SIMPLE_GRACE_MS: u64 = 2 * 3600 * 1000;

/// Delay between the start of a deletion and its check, ms.
pub const DELETE_GRACE_MS: u64 = 60_000;

/// The same delay for queue jobs, ms: longer than a consumer may run (Cloudflare Queues, "Limits": 15 minutes wall time), so that the check comes after
/// the job's end.
pub const JOB_GRACE_MS: u64 = 960_000;

/// Delay between a check of an operation whose end nobody reported and the last check of it, ms: longer than a request or job lives, so that what it does after
/// the first check, or a write that the store or D1 had not finished, is found.
pub const LAST_CHECK_MS: u64 = 2 * 3600 * 1000;
