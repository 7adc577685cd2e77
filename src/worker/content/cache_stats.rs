//! Cache statistics: counted in the isolate, added to D1 by namespace, class and hour (docs/delivery.md, Statistics).
//!
//! Counts are lost if the isolate is evicted before a flush. Billing is separate: [`crate::worker::content::meter`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use crate::accounts::directory::Item;
use crate::analytics::metrics;
use crate::base::id::Name;
use crate::base::shard::{Access, Shard};
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::clients::{database, shards};
use crate::delivery::asset_hits::AssetHits;
use crate::delivery::cache_entry::Origin;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::count::{Answered, Count, Counters, rows};
use crate::delivery::slices::Slice;
use crate::delivery::{flush, repository};
use crate::io::Io;
use crate::problem::Problem;
use crate::worker::content::popularity;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;
use crate::worker::platform::io::WorkerIo;

thread_local! {
    static ASSETS: RefCell<AssetHits> = RefCell::default();
    static COUNTS: RefCell<Counters> = RefCell::default();
    /// Deadline of the flush in progress.
    static DUE: Cell<EpochMs> = const { Cell::new(EpochMs(0)) };
    /// When the last flush began.
    static FLUSHED: Cell<EpochMs> = const { Cell::new(EpochMs(0)) };
}

/// Counts a response with content.
pub fn answered(call: &Routed, source: &ContentDescriptor, answer: Answered) {
    COUNTS.with_borrow_mut(|counts| counts.answered(source, answer));
    let now = clock::now();
    popularity::count(call, source, now);
    if let Some(asset) = source.asset {
        ASSETS.with_borrow_mut(|assets| assets.add(asset, answer.is_hit, now));
    }
    flush_later(call, now);
}

/// Counts the status of a response to a request for this content. One without content causes no write of its own unless it is an error.
pub fn replied(call: &Routed, source: &ContentDescriptor, outcome: &Result<Reply, Problem>) {
    let status = outcome.as_ref().map_or_else(|problem| problem.kind().status, |reply| reply.status);
    COUNTS.with_borrow_mut(|counts| counts.status(source, status));
    if status >= 400 {
        flush_later(call, clock::now());
    }
}

/// Writes the counters after a while, unless that is under way.
fn flush_later(call: &Routed, now: EpochMs) {
    // A flush past its deadline was cancelled together with the request that ran it.
    if now < DUE.get() {
        return;
    }
    let Some(delay) = flush::delay(FLUSHED.get(), call.config.stats_flush_seconds.saturating_mul(1000), now) else { return };
    DUE.set(flush::deadline(delay, now));
    let held = call.clone();
    call.io.afterwards(async move {
        worker::Delay::from(Duration::from_millis(delay)).await;
        let counts = COUNTS.with_borrow_mut(Counters::take);
        let now = clock::now();
        DUE.set(EpochMs(0));
        FLUSHED.set(now);
        write(&held.io, counts, ASSETS.with_borrow_mut(AssetHits::take), now).await;
    });
}

/// Adds the counts to the databases of their namespaces. Those of a namespace that is being moved are lost.
async fn write(io: &WorkerIo, counts: Vec<((Name, &'static str), Count)>, hits: Option<Statement>, now: EpochMs) {
    let mut by_shard: HashMap<Shard, Vec<(&Name, &'static str, &Count)>> = HashMap::new();
    for ((namespace, class), count) in &counts {
        if let Ok(shard) = shards::shard_of(io, Item::Namespace(namespace), Access::Write).await {
            by_shard.entry(shard).or_default().push((namespace, class, count));
        }
    }
    let add = |(shard, counts): (Shard, Vec<_>)| {
        let rows = rows(counts.into_iter());
        (shard, vec![repository::add(&rows, now), metrics::repository::add_delivery(&rows)])
    };
    let mut statements: HashMap<Shard, Vec<Statement>> = by_shard.into_iter().map(add).collect();
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
    COUNTS.with_borrow_mut(|counts| counts.from_origin(source, bytes));
}

/// Counts the delivered bytes of a slice by their source.
pub fn sent(call: &Routed, source: &ContentDescriptor, slice: &Slice, origin: Origin) {
    let bytes = slice.to - slice.from + 1;
    match origin {
        Origin::Filled => passed(source, slice.span.bytes()),
        Origin::Passed => passed(source, bytes),
        Origin::Cache(_) | Origin::Kv | Origin::Shield | Origin::Collapsed => from_cache(call, source, bytes),
    }
}

/// Counts `bytes` delivered from the cache.
pub fn from_cache(call: &Routed, source: &ContentDescriptor, bytes: u64) {
    COUNTS.with_borrow_mut(|counts| counts.from_cache(source, bytes, call.config.prices.origin_gb));
}

/// Counts a request with CMCD data (CTA-5004).
pub fn cmcd(source: &ContentDescriptor) {
    COUNTS.with_borrow_mut(|counts| counts.cmcd(source));
}
