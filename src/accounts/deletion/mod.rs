//! Deleting an account: what is left of it, and what the job does next (docs/accounts.md, Deleting an account).

pub mod repository;

use serde::{Deserialize, Serialize};

use crate::accounts::provisioning::Record;
use crate::base::id::{Id, Name};
use crate::base::sql::flag;
use crate::base::time::{DAY_MS, EpochMs, HOUR_MS};
use crate::jobs::{LATE_SECONDS, REQUEST_SECONDS};

/// Time by which the account is gone, ms.
pub const GONE_MS: u64 = DAY_MS;

/// Time after which the ledger is not waited for any more: a change whose outcome it does not know yet, ms.
pub const LEDGER_MS: u64 = 20 * HOUR_MS;

/// Time after which nothing comes to an account that is being deleted, s: requests that were under way have ended, so have the jobs that look for what they left
/// at the store, which need the account, and what these began there.
pub const SETTLE_SECONDS: u64 = 2 * REQUEST_SECONDS + LATE_SECONDS;

/// Delay after which is looked again for what other jobs remove, s.
pub const AGAIN_SECONDS: u64 = 300;

/// What is left: one row of [`repository::left`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Left {
    /// Open uploads, files, files of videos of the account.
    #[serde(deserialize_with = "flag")]
    pub things: bool,
    /// Videos whose owner it is, and objects in its namespace that nothing references.
    #[serde(deserialize_with = "flag")]
    pub remains: bool,
    /// Whether others have something in its namespace, or are members of it.
    #[serde(deserialize_with = "flag")]
    pub shared: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Look again in so many seconds.
    Again(u64),
    /// The rows that nothing depends on any more: the account goes.
    Finish,
}

/// Whether what was under way when the deletion began has ended, and with it what it may have stored.
pub fn is_settled(since: EpochMs, now: EpochMs) -> bool {
    now.since(since) >= SETTLE_SECONDS * 1000
}

/// What comes after a run that ended `ended` uploads.
pub fn next(left: &Left, ended: usize, since: EpochMs, now: EpochMs) -> Next {
    let rest = (SETTLE_SECONDS * 1000).saturating_sub(now.since(since)).div_ceil(1000);
    match (left.things || left.remains, rest) {
        (_, 1..) => Next::Again(if left.things { rest.min(AGAIN_SECONDS) } else { rest }),
        (true, _) => Next::Again(AGAIN_SECONDS),
        // What the store may still make of an upload is looked for by a job that needs the account.
        (false, _) if ended > 0 => Next::Again(LATE_SECONDS),
        (false, _) => Next::Finish,
    }
}

/// Since when an object counts as unreferenced whose last file is deleted with the account: it is kept until nothing that was under way can read it, and at most
/// for the grace period.
pub fn unreferenced_since(now: EpochMs, grace_seconds: u64) -> EpochMs {
    EpochMs(now.0.saturating_sub(grace_seconds.saturating_sub(REQUEST_SECONDS).saturating_mul(1000)))
}

/// The answer to `DELETE /api/portal/accounts/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AccountDeletion"))]
pub struct State {
    id: Id,
    agentcache_user_id: Name,
    status: &'static str,
    deleting_since: String,
    gone_by: String,
}

impl State {
    /// Of an account that is being deleted since `since`.
    pub fn of(record: &Record, since: EpochMs) -> State {
        State {
            id: record.id,
            agentcache_user_id: record.agentcache_user_id.clone(),
            status: "deleting",
            deleting_since: since.rfc3339(),
            gone_by: since.plus(GONE_MS).rfc3339(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: EpochMs = EpochMs(1_000_000);

    fn after(seconds: u64) -> EpochMs {
        SINCE.plus(seconds * 1000)
    }

    #[test]
    fn account_goes_only_when_nothing_is_left_and_nothing_can_come() {
        let none = Left::default();
        let things = Left { things: true, ..none };
        let remains = Left { remains: true, ..none };
        for (left, ended, seconds, expected) in [
            (none, 0, 0, Next::Again(SETTLE_SECONDS)),
            (things, 1, 0, Next::Again(AGAIN_SECONDS)),
            (things, 0, SETTLE_SECONDS - 5, Next::Again(5)),
            (remains, 0, 10, Next::Again(SETTLE_SECONDS - 10)),
            (things, 0, SETTLE_SECONDS, Next::Again(AGAIN_SECONDS)),
            (remains, 0, SETTLE_SECONDS, Next::Again(AGAIN_SECONDS)),
            (none, 1, SETTLE_SECONDS, Next::Again(LATE_SECONDS)),
            (none, 0, SETTLE_SECONDS, Next::Finish),
            (Left { shared: true, ..none }, 0, SETTLE_SECONDS, Next::Finish),
        ] {
            assert_eq!(next(&left, ended, SINCE, after(seconds)), expected, "{left:?} after {seconds} s");
        }
        assert!(!is_settled(SINCE, after(SETTLE_SECONDS - 1)) && is_settled(SINCE, after(SETTLE_SECONDS)));
    }

    #[test]
    fn object_is_collected_when_requests_have_ended_or_after_a_shorter_grace_period() {
        let now = EpochMs(DAY_MS * 100);
        let collected = |grace: u64| unreferenced_since(now, grace).plus(grace * 1000).since(now) / 1000;
        assert_eq!((collected(86_400), collected(REQUEST_SECONDS), collected(60), collected(0)), (REQUEST_SECONDS, REQUEST_SECONDS, 60, 0));
    }
}
