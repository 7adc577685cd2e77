//! Bandwidth: what content responses announce is counted when they start, gathered in the isolate, and told to the account's ledger within a second.
//!
//! What an isolate that is killed had not told is lost, in the customer's favour.

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

/// How long counts are gathered, ms (SPEC section 3: flushed within 1 s).
const FLUSH_MS: u64 = 500;

/// How long a ledger's word on an account holds, ms: half of what SPEC section 3 grants.
const KEEP_MS: u64 = 30_000;

/// Bounds the isolate's memory.
const MAX_KEEP: usize = 2_000;
const MAX_BYTES: usize = 1_000_000;

thread_local! {
    /// Bytes that the ledger has not heard of, and when the flush that is under way should have told it.
    static UNFLUSHED: RefCell<HashMap<Id, (u64, EpochMs)>> = RefCell::default();
    static USAGE_CACHE: RefCell<TtlMap<Id, UsageSnapshot>> = RefCell::new(TtlMap::new(MAX_KEEP, MAX_BYTES, |_, _| size_of::<(Id, UsageSnapshot)>()));
}

fn note(account: Id, figures: UsageSnapshot) {
    let now = clock::now();
    USAGE_CACHE.with_borrow_mut(|usage| usage.insert(account, figures, now.plus(KEEP_MS), now));
}

/// Whether the account has bandwidth left, as known here or, if that is old, to its ledger.
///
/// # Errors
/// 429.
pub async fn may_send(call: &Routed, account: Id) -> Result<(), Problem> {
    let now = clock::now();
    let known = USAGE_CACHE.with_borrow(|usage| usage.get(&account, now).cloned());
    let figures = match known {
        Some(figures) => figures,
        None => match ledger::figures(&call.env, account, &Message::Usage { limits: None }).await {
            Ok(figures) => {
                note(account, figures.clone());
                figures
            }
            // A ledger that cannot be reached, which is logged there, must not stop a film.
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

/// Forgets what the ledger said of an account: it was switched off or on.
pub fn forget(account: Id) {
    USAGE_CACHE.with_borrow_mut(|usage| usage.remove(&account));
}

/// Counts a content response of `bytes`.
pub fn count(call: &Routed, account: Id, bytes: u64) {
    let now = clock::now();
    let under_way = UNFLUSHED.with_borrow_mut(|unflushed| {
        let (gathered, due) = unflushed.entry(account).or_insert((0, EpochMs(0)));
        *gathered = gathered.saturating_add(bytes);
        // A flush that is overdue was cut off with the request that carried it.
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
    call.afterwards(async move {
        worker::Delay::from(Duration::from_millis(FLUSH_MS)).await;
        let Some((bytes, _)) = UNFLUSHED.with_borrow_mut(|unflushed| unflushed.remove(&account)) else { return };
        // Logged where it fails. Whether it was booked is not known then, so it is not told again: in the customer's favour.
        if let Ok(figures) = ledger::figures(&held.env, account, &Message::Meter { bytes }).await {
            note(account, figures);
        }
    });
}
