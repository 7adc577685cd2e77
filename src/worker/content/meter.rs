//! Bandwidth metering: the bytes of content responses that left are added up in the isolate, and sent to the account's ledger within 1 s (docs/accounts.md,
//! Quota).
//!
//! Counts are lost if the isolate is evicted before a flush, in the customer's favour.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::ledger::message::{Message, UsageSnapshot};
use crate::ledger::refusal::bandwidth_exceeded;
use crate::problem::Problem;
use crate::worker::clients::ledger;
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;

/// Interval between flushes, ms: together with the request it stays below 1 s.
const FLUSH_MS: u64 = 500;

/// Lifetime of an account's cached usage, ms.
const KEEP_MS: u64 = 30_000;

/// Maximum number of accounts in the isolate's caches.
const MAX_KEEP: usize = 2_000;
const MAX_BYTES: usize = 1_000_000;

thread_local! {
    /// Bytes not sent to the ledger yet, and the deadline of the flush in progress.
    static UNFLUSHED: RefCell<HashMap<Id, (u64, EpochMs)>> = RefCell::default();
    static USAGE_CACHE: RefCell<TtlMap<Id, UsageSnapshot>> = RefCell::new(TtlMap::new(MAX_KEEP, MAX_BYTES, |_, _| size_of::<(Id, UsageSnapshot)>()));
}

fn note(account: Id, figures: UsageSnapshot) {
    let now = clock::now();
    USAGE_CACHE.with_borrow_mut(|usage| usage.insert(account, figures, now.plus(KEEP_MS), now));
}

/// Checks that the account has bandwidth left, by its cached usage or, if that has expired, by its ledger.
///
/// # Errors
/// 429 bandwidth exceeded; 403 suspended.
pub async fn may_send(call: &Routed, account: Id) -> Result<(), Problem> {
    let now = clock::now();
    let known = USAGE_CACHE.with_borrow(|usage| usage.get(&account, now).cloned());
    let figures = match known {
        Some(figures) => figures,
        None => match ledger::usage(&call.env, account, &Message::Usage { limits: None }).await {
            Ok(figures) => {
                note(account, figures.clone());
                figures
            }
            // Fail open: an unreachable ledger (logged in `objects`) must not interrupt playback.
            Err(_) => return Ok(()),
        },
    };
    if figures.limits.suspended {
        return Err(Problem::Suspended);
    }
    if figures.bandwidth_is_used_up() {
        return Err(bandwidth_exceeded(figures.limits.bandwidth, figures.bandwidth_used, figures.period.end(), now));
    }
    Ok(())
}

/// Whether an answer that is under way may go on, by the account's cached usage, which each flush renews.
pub fn may_go_on(account: Id) -> bool {
    let now = clock::now();
    USAGE_CACHE.with_borrow(|usage| usage.get(&account, now).is_none_or(|figures| !figures.limits.suspended && !figures.bandwidth_is_overdrawn()))
}

/// Evicts an account's cached usage after it was suspended or resumed.
pub fn evict(account: Id) {
    USAGE_CACHE.with_borrow_mut(|usage| usage.remove(&account));
}

/// Counts `bytes` bytes of a content response.
pub fn count(call: &Routed, account: Id, bytes: u64) {
    let now = clock::now();
    let under_way = UNFLUSHED.with_borrow_mut(|unflushed| {
        let (gathered, due) = unflushed.entry(account).or_insert((0, EpochMs(0)));
        *gathered = gathered.saturating_add(bytes);
        // A flush past its deadline was cancelled together with the request that ran it.
        let under_way = now < *due;
        if !under_way {
            *due = now.plus(2 * FLUSH_MS);
        }
        under_way
    });
    if under_way {
        return;
    }
    let held = call.clone();
    call.wait_until(async move {
        worker::Delay::from(Duration::from_millis(FLUSH_MS)).await;
        let Some((bytes, _)) = UNFLUSHED.with_borrow_mut(|unflushed| unflushed.remove(&account)) else { return };
        // The error is logged in `objects`. Whether the ledger counted the bytes is unknown, so they are not sent again, in the customer's favour.
        if let Ok(figures) = ledger::usage(&held.env, account, &Message::Meter { bytes }).await {
            note(account, figures);
        }
    });
}
