//! Cache statistics: counted in the isolate, added to D1 by namespace, class and hour (docs/delivery.md, Statistics).
//!
//! Counts are lost if the isolate is evicted before a flush. Billing is separate: [`crate::worker::content::meter`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use crate::accounts::directory::Item;
use crate::base::id::Name;
use crate::base::shard::{Access, Shard};
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::clients::{database, shards};
use crate::delivery::asset_hits::AssetHits;
use crate::delivery::cache_entry::Origin;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::repository::Count;
use crate::delivery::slices::Slice;
use crate::delivery::{flush, repository};
use crate::io::Io;
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;
use crate::worker::platform::io::WorkerIo;

thread_local! {
    static ASSETS: RefCell<AssetHits> = RefCell::default();
    static COUNTS: RefCell<HashMap<(Name, &'static str), Count>> = RefCell::default();
    /// Deadline of the flush in progress.
    static DUE: Cell<EpochMs> = const { Cell::new(EpochMs(0)) };
    /// When the last flush began.
    static FLUSHED: Cell<EpochMs> = const { Cell::new(EpochMs(0)) };
}

fn count(source: &ContentDescriptor, change: impl FnOnce(&mut Count)) {
    COUNTS.with_borrow_mut(|counts| change(counts.entry((source.namespace.clone(), source.class.label())).or_default()));
}

/// Counts a response with content. `is_hit`: the origin was not asked for any of its bytes.
pub fn answered(call: &Routed, source: &ContentDescriptor, is_hit: bool) {
    count(source, |count| {
        count.requests += 1;
        count.hits += u64::from(is_hit);
    });
    let now = clock::now();
    if let Some(asset) = source.asset {
        ASSETS.with_borrow_mut(|assets| assets.add(asset, is_hit, now));
    }
    // A flush past its deadline was cancelled together with the request that ran it.
    if now < DUE.get() {
        return;
    }
    let Some(delay) = flush::delay(FLUSHED.get(), call.config.stats_flush_seconds.saturating_mul(1000), now) else { return };
    DUE.set(flush::deadline(delay, now));
    let held = call.clone();
    call.io.afterwards(async move {
        worker::Delay::from(Duration::from_millis(delay)).await;
        let counts = COUNTS.take();
        let now = clock::now();
        DUE.set(EpochMs(0));
        FLUSHED.set(now);
        write(&held.io, counts, ASSETS.with_borrow_mut(AssetHits::take), now).await;
    });
}

/// Adds the counts to the databases of their namespaces. Those of a namespace that is being moved are lost.
async fn write(io: &WorkerIo, counts: HashMap<(Name, &'static str), Count>, hits: Option<Statement>, now: EpochMs) {
    let mut statements: HashMap<Shard, Vec<Statement>> = HashMap::new();
    for ((namespace, class), count) in &counts {
        if let Ok(shard) = shards::shard_of(io, Item::Namespace(namespace), Access::Write).await {
            statements.entry(shard).or_default().push(repository::add(namespace, class, count, now));
        }
    }
    if let Some(hits) = hits {
        // A file that a database does not have is left out there.
        shards::all(io).for_each(|shard| statements.entry(shard).or_default().push(hits.clone()));
    }
    for (shard, statements) in statements {
        if let Ok(db) = io.db(shard) {
            // The error is logged in `d1`.
            let _ = database::batch(&db, &statements).await;
        }
    }
}

/// Counts `bytes` passed on from the origin.
pub fn passed(source: &ContentDescriptor, bytes: u64) {
    count(source, |count| count.bytes_from_origin += bytes);
}

/// Counts the delivered bytes of a slice by their source.
pub fn sent(source: &ContentDescriptor, slice: &Slice, origin: Origin) {
    count(source, |count| match origin {
        Origin::Filled => count.bytes_from_origin += slice.span.bytes(),
        Origin::Passed => count.bytes_from_origin += slice.to - slice.from + 1,
        Origin::Cache(_) | Origin::Kv | Origin::Collapsed => count.bytes_from_cache += slice.to - slice.from + 1,
    });
}

/// Counts `bytes` delivered from the cache.
pub fn from_cache(source: &ContentDescriptor, bytes: u64) {
    count(source, |count| count.bytes_from_cache += bytes);
}

/// Counts a request with CMCD data (CTA-5004).
pub fn cmcd(source: &ContentDescriptor) {
    count(source, |count| count.cmcd_requests += 1);
}
