//! Bandwidth and store reads by account: added up in the isolate, reported to the PoP's meter within 1 s, and by that to the account's ledger every ten seconds
//! (docs/accounts.md, Quota).
//!
//! Counts are lost if the isolate is evicted before a report, in the customer's favour.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::clients::pop_meter;
use crate::io::Io;
use crate::ledger::accrual::StoreReads;
use crate::ledger::message::UsageSnapshot;
use crate::ledger::pop_meter::message::{Counted, Message};
use crate::ledger::pop_meter::shard::object_name;
use crate::ledger::refusal::bandwidth_exceeded;
use crate::problem::Problem;
use crate::worker::http::call::{Call, Routed};
use crate::worker::platform::clock;
use crate::worker::platform::io::WorkerIo;

/// Interval between reports, ms: together with the request it stays below 1 s.
const REPORT_MS: u64 = 500;

/// Lifetime of an account's cached usage, ms. The meter's own is up to 30 s old.
const KEEP_MS: u64 = 30_000;

/// Maximum number of accounts in the isolate's caches.
const MAX_KEEP: usize = 2_000;
const MAX_BYTES: usize = 1_000_000;

/// For how long a question for an account's usage keeps others back, ms.
const ASKING_MS: u64 = 5_000;

thread_local! {
    /// What the meter has not been told yet.
    static UNREPORTED: RefCell<HashMap<Id, Counted>> = RefCell::default();
    /// Deadline of the report in progress.
    static DUE: Cell<EpochMs> = const { Cell::new(EpochMs(0)) };
    static USAGE_CACHE: RefCell<TtlMap<Id, UsageSnapshot>> = RefCell::new(TtlMap::new(MAX_KEEP, MAX_BYTES, |_, _| size_of::<(Id, UsageSnapshot)>()));
    /// Accounts whose usage is being asked for.
    static ASKING: RefCell<TtlMap<Id, ()>> = RefCell::new(TtlMap::new(MAX_KEEP, MAX_BYTES, |_, ()| size_of::<Id>()));
}

fn known(account: Id) -> Option<UsageSnapshot> {
    let now = clock::now();
    USAGE_CACHE.with_borrow(|usage| usage.get(&account, now).cloned())
}

fn note(usage: Vec<(Id, UsageSnapshot)>) {
    let now = clock::now();
    USAGE_CACHE.with_borrow_mut(|cache| usage.into_iter().for_each(|(account, usage)| cache.insert(account, usage, now.plus(KEEP_MS), now)));
}

/// Checks that the account has bandwidth left, by its cached usage. If none is cached it is asked for, and the answer begins meanwhile: [`may_go_on`] stops it.
///
/// # Errors
/// 429 bandwidth exceeded; 403 suspended.
pub fn may_send(call: &Routed, account: Id) -> Result<(), Problem> {
    let now = clock::now();
    let Some(usage) = known(account) else {
        if ASKING.with_borrow_mut(|asking| asking.claim(account, (), now.plus(ASKING_MS), now)) {
            let held = call.clone();
            call.io.afterwards(async move {
                // The error is logged in `objects`. An unreachable meter must not interrupt playback.
                if let Ok(usage) = pop_meter::send(&held.io, held.geo().edge_name(), account, &Message::Ask { account }).await {
                    note(usage);
                }
            });
        }
        return Ok(());
    };
    if usage.limits.suspended {
        return Err(Problem::Suspended);
    }
    if usage.bandwidth_is_used_up() {
        return Err(bandwidth_exceeded(usage.limits.bandwidth, usage.bandwidth_used, usage.period.end(), now));
    }
    call.bandwidth_checked.set(true);
    Ok(())
}

/// Whether an answer that is under way may go on, by the account's cached usage, which each report renews. One that was not checked when it began ends with the
/// quota; another may go on for a tenth of it.
pub fn may_go_on(account: Id, was_checked: bool) -> bool {
    known(account).is_none_or(|usage| {
        let is_over = if was_checked { usage.bandwidth_is_overdrawn() } else { usage.bandwidth_is_used_up() };
        !usage.limits.suspended && !is_over
    })
}

/// Renews what this PoP knows of an account's usage, after an administrator changed the account.
pub async fn renew(io: &WorkerIo, account: Id) {
    USAGE_CACHE.with_borrow_mut(|usage| usage.remove(&account));
    // The error is logged in `objects`. What the meter knows is then up to 30 s old.
    if let Ok(usage) = pop_meter::send(io, io.geo().edge_name(), account, &Message::Renew { account }).await {
        note(usage);
    }
}

/// Counts `bytes` bytes of a content response.
pub fn count(call: &Routed, account: Id, bytes: u64) {
    add(call, Counted { account, bytes, reads: StoreReads::default() });
}

/// Counts content that was read from the store.
pub fn count_reads(call: &Routed, account: Id, reads: StoreReads) {
    add(call, Counted { account, bytes: 0, reads });
}

fn add(call: &Routed, counted: Counted) {
    UNREPORTED.with_borrow_mut(|all| {
        let sum = all.entry(counted.account).or_insert(Counted { bytes: 0, reads: StoreReads::default(), ..counted });
        sum.bytes = sum.bytes.saturating_add(counted.bytes);
        sum.reads.add(counted.reads);
    });
    let now = clock::now();
    // A report past its deadline was cancelled together with the request that made it.
    if now < DUE.get() {
        return;
    }
    DUE.set(now.plus(2 * REPORT_MS));
    let held = call.clone();
    call.io.afterwards(async move {
        worker::Delay::from(Duration::from_millis(REPORT_MS)).await;
        DUE.set(EpochMs(0));
        let geo = held.geo();
        for (account, counted) in by_meter(geo.edge_name(), UNREPORTED.take()) {
            // The error is logged in `objects`. Whether the meter counted is unknown, so it is not told again, in the customer's favour.
            if let Ok(usage) = pop_meter::send(&held.io, geo.edge_name(), account, &Message::Report { counted }).await {
                note(usage);
            }
        }
    });
}

/// The reports, each with one of its accounts.
fn by_meter(colo: &str, unreported: HashMap<Id, Counted>) -> Vec<(Id, Vec<Counted>)> {
    let mut reports: HashMap<String, Vec<Counted>> = HashMap::new();
    for counted in unreported.into_values() {
        reports.entry(object_name(colo, counted.account)).or_default().push(counted);
    }
    reports.into_values().filter_map(|counted| Some((counted.first()?.account, counted))).collect()
}

/// Has the account's ledger told what was counted at this PoP, so that its figures are those of this moment; other PoPs tell within ten seconds.
pub async fn settle(call: &Call, account: Id) {
    let counted = UNREPORTED.with_borrow_mut(|all| all.remove(&account));
    let counted = counted.unwrap_or(Counted { account, bytes: 0, reads: StoreReads::default() });
    // The error is logged in `objects`. The ledger's figures are then up to ten seconds old.
    if let Ok(usage) = pop_meter::send(&call.io, call.geo().edge_name(), account, &Message::Flush { counted }).await {
        note(usage);
    }
}
