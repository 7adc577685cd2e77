//! An account's ledger as a state machine of plain values: storage, bandwidth and pace. The Durable Object in `object` loads it, applies a message and
//! writes the effects, in one turn.
//!
//! Invariants: `used` is the sum of the distinct objects of the holdings; used + reserved never grows over the quota; booking the same thing twice is
//! booking it once. What a crash leaves in doubt stands in `watches` with an instant at which D1 is asked how it ended.

/// How long after a change its figures are written to D1, ms: often enough for a dashboard, seldom enough for D1.
pub const CHECKPOINT_MS: u64 = 5_000;

/// The same where only calls were counted: nobody waits for that figure.
pub const COUNT_CHECKPOINT_MS: u64 = 60_000;

/// How old the limits may be for callers who do not bring them, ms: holders of tokens.
pub const LIMITS_MS: u64 = 25_000;

/// How long after it was reserved an upload is looked into, ms: by then its session is known to D1 or its Worker is dead.
pub const LOOK_MS: u64 = 60_000;

/// How long until the next look at an upload that goes on, ms.
pub const COMING_MS: u64 = 3_600_000;

/// How long until D1 is asked again after it gave no answer, ms.
pub const UNCLEAR_MS: u64 = 60_000;

/// How long after it was reserved a file that comes in one request is looked into, ms: 100 MB in two hours are 14 KB/s.
pub const SIMPLE_GRACE_MS: u64 = 2 * 3600 * 1000;

/// How long after it began a deletion is looked into, ms.
pub const DELETE_GRACE_MS: u64 = 60_000;

/// The same for what a job does, ms: longer than the queue lets one live (Queues documentation, "Limits": 15 minutes), so that the look comes after its end,
/// however slow it was.
pub const JOB_GRACE_MS: u64 = 960_000;
