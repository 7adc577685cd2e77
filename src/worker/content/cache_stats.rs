//! How much of what is delivered comes from the cache: counted in the isolate, added up by namespace, class and hour in D1.
//!
//! What an isolate that is killed had not told is lost: these are statistics, [`crate::worker::content::meter`] is the bill.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use crate::base::id::Name;
use crate::base::time::EpochMs;
use crate::delivery::cache_entry::Origin;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::repository;
use crate::delivery::repository::Count;
use crate::delivery::slices::Slice;
use crate::worker::http::call::Routed;
use crate::worker::platform::{bindings, clock, d1};

/// How long counts are gathered, ms.
const FLUSH_MS: u64 = 3_000;

thread_local! {
    static COUNTS: RefCell<HashMap<(Name, &'static str), Count>> = RefCell::default();
    /// When the flush that is under way should have told them.
    static DUE: Cell<EpochMs> = const { Cell::new(EpochMs(0)) };
}

fn count(source: &ContentDescriptor, change: impl FnOnce(&mut Count)) {
    COUNTS.with_borrow_mut(|counts| change(counts.entry((source.namespace.clone(), source.class.label())).or_default()));
}

/// An answer with content, whose first bytes came from there.
pub fn answered(call: &Routed, source: &ContentDescriptor, origin: Option<Origin>) {
    count(source, |count| {
        count.requests += 1;
        count.hits += u64::from(origin.is_none_or(Origin::is_hit));
    });
    let now = clock::now();
    // A flush that is overdue was cut off with the request that carried it.
    if now < DUE.get() {
        return;
    }
    DUE.set(now.plus(2 * FLUSH_MS));
    let held = call.clone();
    call.afterwards(async move {
        worker::Delay::from(Duration::from_millis(FLUSH_MS)).await;
        let counts = COUNTS.take();
        DUE.set(EpochMs(0));
        let now = clock::now();
        let statements: Vec<_> = counts.iter().map(|((namespace, class), count)| repository::add(namespace, class, count, now)).collect();
        if let Ok(db) = bindings::db(&held.env) {
            // Logged where it fails.
            let _ = d1::batch(&db, &statements).await;
        }
    });
}

/// What was wanted of a slice came from there.
pub fn sent(source: &ContentDescriptor, slice: &Slice, origin: Origin) {
    count(source, |count| match origin {
        Origin::Filled => count.bytes_from_origin += slice.span.bytes(),
        Origin::Passed => count.bytes_from_origin += slice.to - slice.from + 1,
        Origin::Cache(_) | Origin::Kv | Origin::Collapsed => count.bytes_from_cache += slice.to - slice.from + 1,
    });
}

/// So many bytes came from the cache.
pub fn from_cache(source: &ContentDescriptor, bytes: u64) {
    count(source, |count| count.bytes_from_cache += bytes);
}

/// A request that told how the player fares (CTA-5004).
pub fn cmcd(source: &ContentDescriptor) {
    count(source, |count| count.cmcd_requests += 1);
}
