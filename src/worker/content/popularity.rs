//! Popular files as this isolate knows them: their hits, and which entries are refreshed before they expire (docs/delivery.md, Popular files).

use std::cell::{Cell, RefCell};

use serde_json::Value;

use crate::accounts::directory::Item;
use crate::base::shard::Access;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::clients::{database, shards};
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::popularity::day::{Day, Days};
use crate::delivery::popularity::hits::Hits;
use crate::delivery::popularity::lifetime::{lifetime_ms, refresh_due, refresh_window_ms, ttl_factor};
use crate::delivery::popularity::pace::Pace;
use crate::edges::repository::hours_of_day;
use crate::io::Io;
use crate::io::database::Database;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::platform::{clock, random};

/// Entries whose refresh this isolate has begun, and the bytes of their keys.
const MAX_REFRESHED: usize = 2_000;
const MAX_REFRESHED_BYTES: usize = 1_000_000;

/// After a refresh, until when another of the same entry is not begun: a quarter of the time in which it may be refreshed, at least this, ms.
const PAUSE_MS: u64 = 5_000;

/// For how long an isolate knows the hours of a country, ms: 6 hours; after a failure it waits a minute.
const DAY_MS: u64 = 6 * 3_600_000;
const RETRY_MS: u64 = 60_000;

thread_local! {
    static HITS: RefCell<Hits> = RefCell::default();
    static REFRESHED: RefCell<TtlMap<String, ()>> = RefCell::new(TtlMap::new(MAX_REFRESHED, MAX_REFRESHED_BYTES, |key, ()| key.len()));
    static PACE: Cell<Pace> = Cell::default();
    static DAYS: RefCell<Days> = RefCell::default();
}

fn window_ms(call: &Routed) -> u64 {
    call.config.popularity_window_seconds.saturating_mul(1000)
}

/// Counts an answer with content of this file.
pub fn count(call: &Routed, source: &ContentDescriptor, now: EpochMs) {
    let window = window_ms(call);
    if window > 0 {
        HITS.with_borrow_mut(|hits| hits.add(source.file(), window, now));
    }
}

/// Hits of the file in a window, as they are likely to go on.
fn hits(call: &Routed, source: &ContentDescriptor, now: EpochMs) -> f64 {
    let window = window_ms(call);
    if window == 0 {
        return 0.0;
    }
    let hits = HITS.with_borrow(|hits| hits.rate(source.file(), window, now));
    let ahead_ms = source.ttl.saturating_mul(1000);
    hits * DAYS.with_borrow(|days| days.get(call.country(), now).map_or(1.0, |day| day.outlook(now, ahead_ms)))
}

/// Until when an entry of the file stays fresh that is put into the cache, or found unchanged at the store, at `now`.
pub fn fresh_until(call: &Routed, source: &ContentDescriptor, now: EpochMs) -> EpochMs {
    now.plus(lifetime_ms(source.ttl, hits(call, source, now)))
}

/// Whether the file is popular.
pub fn is_popular(call: &Routed, source: &ContentDescriptor, now: EpochMs) -> bool {
    ttl_factor(hits(call, source, now)) > 1
}

/// Whether this answer, from an entry that is fresh for another `left_ms`, is to refresh it. Asks nobody; whoever gets `true` has begun the refresh.
pub fn begins_refresh(call: &Routed, source: &ContentDescriptor, key: &str, left_ms: u64, now: EpochMs) -> bool {
    let refresh_ms = refresh_window_ms(source.ttl);
    if left_ms >= refresh_ms || !refresh_due(left_ms, source.ttl, hits(call, source, now), window_ms(call), draw()) {
        return false;
    }
    let until = now.plus((refresh_ms / 4).min(left_ms).max(PAUSE_MS));
    REFRESHED.with_borrow_mut(|refreshed| refreshed.claim(key.to_owned(), (), until, now)) && admit(now)
}

fn admit(now: EpochMs) -> bool {
    let mut pace = PACE.get();
    let admitted = pace.admit(now);
    PACE.set(pace);
    admitted
}

/// From 0 up to 1.
fn draw() -> f64 {
    // 53 bits: exact in f64.
    random::bytes::<8>().map_or(1.0, |bytes| (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64)
}

/// Reads when people of the caller's country upload, if this isolate does not know it: in the background, before it renews an entry of a popular file.
pub async fn learn_hours(call: &Routed, source: &ContentDescriptor) {
    let (country, now) = (call.country(), clock::now());
    if !is_popular(call, source, now) || !DAYS.with_borrow_mut(|days| days.claim(country, now.plus(RETRY_MS), now)) {
        return;
    }
    let rows = async {
        let shard = shards::shard_of(&call.io, Item::Namespace(&source.namespace), Access::Read).await?;
        database::all::<Value>(&call.io.db(shard)?.nearest(), &hours_of_day(country.as_str())).await
    };
    let rows: Result<Vec<Value>, Problem> = rows.await;
    // The error is logged in `d1`. Until the next attempt the hours to come count as this one.
    if let Ok(rows) = rows {
        let number = |row: &Value, name: &str| row.get(name).and_then(Value::as_u64).unwrap_or_default();
        let day = Day::of(rows.iter().map(|row| (number(row, "hour_of_day"), number(row, "uploads"))));
        DAYS.with_borrow_mut(|days| days.set(country, Some(day), now.plus(DAY_MS)));
    }
}
