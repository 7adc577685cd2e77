//! Content read from the store, counted for the account that owns it and sent to its ledger some seconds later (docs/accounts.md, Costs).
//!
//! Counts are lost if the isolate is evicted before a flush, in the customer's favour.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::ledger::accrual::StoreReads;
use crate::ledger::message::Message;
use crate::worker::clients::ledger;
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;

/// Interval between flushes, ms.
const FLUSH_MS: u64 = 3_000;

/// Maximum number of accounts between two flushes. Reads for further ones are not counted.
const MAX_ACCOUNTS: usize = 1_000;

thread_local! {
    static READS: RefCell<HashMap<Id, StoreReads>> = RefCell::default();
    /// Deadline of the flush in progress.
    static DUE: Cell<EpochMs> = const { Cell::new(EpochMs(0)) };
}

/// Counts `bytes` of this content that were read from the store, at the price of its namespace.
pub fn count(call: &Routed, source: &ContentDescriptor, bytes: u64) {
    let reads = StoreReads::at(bytes, source.origin_usd_per_gb.unwrap_or(call.config.prices.origin_gb));
    READS.with_borrow_mut(|all| {
        if all.len() < MAX_ACCOUNTS || all.contains_key(&source.account) {
            all.entry(source.account).or_default().add(reads);
        }
    });
    let now = clock::now();
    // A flush past its deadline was cancelled together with the request that ran it.
    if now < DUE.get() {
        return;
    }
    DUE.set(now.plus(2 * FLUSH_MS));
    let held = call.clone();
    call.wait_until(async move {
        worker::Delay::from(Duration::from_millis(FLUSH_MS)).await;
        DUE.set(EpochMs(0));
        for (account, reads) in READS.take() {
            // The error is logged in `objects`. Whether the ledger counted the bytes is unknown, so they are not sent again, in the customer's favour.
            let _ = ledger::send(&held.env, account, &Message::StoreRead { reads }).await;
        }
    });
}
