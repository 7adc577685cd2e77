//! Bandwidth: what content responses announce is counted when they start, gathered in the isolate, and told to the account's ledger within a second.
//!
//! What an isolate that is killed had not told is lost, in the customer's favour.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use crate::accounts::ledger::message::Message;
use crate::accounts::ledger::{Figures, bandwidth_exceeded, link};
use crate::http::call::Routed;
use crate::ids::Id;
use crate::platform::clock;
use crate::problem::Problem;
use crate::units::EpochMs;

/// How long counts are gathered, ms (SPEC section 3: flushed within 1 s).
const FLUSH_MS: u64 = 500;
/// How long a ledger's word on an account holds, ms: half of what SPEC section 3 grants.
const KEEP_MS: u64 = 30_000;
/// Bounds the isolate's memory.
const KEEP_MOST: usize = 2_000;

thread_local! {
    /// Bytes that the ledger has not heard of; an account that is in here has a flush under way.
    static UNTOLD: RefCell<HashMap<Id, u64>> = RefCell::default();
    static STANDING: RefCell<HashMap<Id, (EpochMs, Figures)>> = RefCell::default();
}

fn note(account: Id, figures: Figures) {
    STANDING.with_borrow_mut(|standing| {
        if standing.len() >= KEEP_MOST {
            standing.clear();
        }
        standing.insert(account, (clock::now(), figures));
    });
}

/// Whether the account has bandwidth left, as known here or, if that is old, to its ledger.
///
/// # Errors
/// 429.
pub async fn may_send(call: &Routed, account: Id) -> Result<(), Problem> {
    let now = clock::now();
    let known =
        STANDING.with_borrow(|standing| standing.get(&account).filter(|(at, _)| now.since(*at) < KEEP_MS).map(|(_, figures)| figures.clone()));
    let figures = match known {
        Some(figures) => figures,
        None => {
            let figures = link::figures(&call.env, account, &Message::Figures { limits: None }).await?;
            note(account, figures.clone());
            figures
        }
    };
    if figures.bandwidth_is_used_up() {
        return Err(bandwidth_exceeded(figures.limits.bandwidth, figures.bandwidth_used, figures.period.end(), now));
    }
    Ok(())
}

/// Counts a content response of `bytes`.
pub fn count(call: &Routed, account: Id, bytes: u64) {
    let first = UNTOLD.with_borrow_mut(|untold| {
        let first = !untold.contains_key(&account);
        *untold.entry(account).or_default() += bytes;
        first
    });
    if !first {
        return;
    }
    let held = call.clone();
    call.afterwards(async move {
        worker::Delay::from(Duration::from_millis(FLUSH_MS)).await;
        let bytes = UNTOLD.with_borrow_mut(|untold| untold.remove(&account)).unwrap_or_default();
        // Logged where it fails. Whether it was booked is not known then, so it is not told again: in the customer's favour.
        if let Ok(figures) = link::figures(&held.env, account, &Message::Meter { bytes }).await {
            note(account, figures);
        }
    });
}
