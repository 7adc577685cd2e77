//! Whole-object entry: a large file that is requested repeatedly is stored as a single cache entry in addition to its slices. A single response passes
//! through the runtime at network speed; 20 consecutive slices piped through one stream reach half of it (measured).
//!
//! The entry is assembled in the background from fresh slices after a client has received the whole file from the cache. The Cache API may keep a truncated
//! body. Each attempt therefore writes under a random name, and a separate pointer entry holds that name. The pointer is written only after the last byte was
//! read back from the cache.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::join;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::WritableStream;

use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::delivery::cache_entry::{Freshness, Origin};
use crate::delivery::content_descriptor::{ContentDescriptor, WholeObjectKeys};
use crate::delivery::popularity::lifetime::longest_ms;
use crate::delivery::slices::Slice;
use crate::http::range::Span;
use crate::io::Io;
use crate::log;
use crate::worker::content::cache;
use crate::worker::content::fill::{Bytes, SliceBody};
use crate::worker::http::call::Routed;
use crate::worker::platform::js::FixedLengthStream;
use crate::worker::platform::pop_cache::PopCache;
use crate::worker::platform::{clock, js, random};

/// The same after an attempt that failed, ms. What made it fail (the platform's limits for the work after an answer, or for an entry) mostly lasts.
const FAILED_MS: u64 = 4 * 3_600_000;

/// Calls of the cache besides one for each slice: the pointer read and written, the entry put, looked at and deleted.
const OTHER_CALLS: u32 = 5;

/// Maximum number of cached pointers in the isolate.
const MAX_REMEMBERED: usize = 256;

/// Bound of the isolate's memory for names, bytes.
const MAX_BYTES: usize = 262_144;

thread_local! {
    /// Pointers whose entry is being assembled by this isolate, or could not be: no other attempt starts until then.
    static ASSEMBLING: RefCell<TtlMap<String, ()>> = RefCell::new(TtlMap::new(MAX_REMEMBERED, MAX_BYTES, |key, ()| key.len()));
    /// Cached pointers. Evicted when the content entry no longer exists.
    static REMEMBERED: RefCell<TtlMap<String, String>> = RefCell::new(TtlMap::new(MAX_REMEMBERED, MAX_BYTES, |key, name| key.len() + name.len()));
}

/// `span` of the file from its whole-object entry, if there is one.
pub async fn find_part(pop: &PopCache, source: &ContentDescriptor, names: &WholeObjectKeys, span: Span) -> Option<SliceBody> {
    let now = clock::now();
    let (name, until) = pointer_of(pop, names, now).await?;
    let Some(entry) = cache::find_entry(pop, &names.entry(&name), &source.as_one(span), now).await else {
        // The content entry was evicted: delete its pointer, so that it is assembled again.
        REMEMBERED.with_borrow_mut(|remembered| remembered.remove(&names.pointer));
        pop.delete(&names.pointer).await;
        return None;
    };
    Some(SliceBody { bytes: Bytes::Stream(entry.stream()?), origin: Origin::Cache(Freshness::Fresh(until.since(now))) })
}

/// The random name of the content entry, and the end of its freshness lifetime.
async fn pointer_of(pop: &PopCache, names: &WholeObjectKeys, now: EpochMs) -> Option<(String, EpochMs)> {
    if let Some((name, until)) =
        REMEMBERED.with_borrow(|remembered| remembered.get_with_end(&names.pointer, now).map(|(name, until)| (name.clone(), until)))
    {
        return Some((name, until));
    }
    let text = cache::get_text(pop, &names.pointer).await?;
    let (name, until) = text.split_once(' ')?;
    let pointer_of = (name.to_owned(), EpochMs(until.parse().ok()?));
    if now >= pointer_of.1 {
        return None;
    }
    REMEMBERED.with_borrow_mut(|remembered| remembered.insert(names.pointer.clone(), pointer_of.0.clone(), pointer_of.1, now));
    Some(pointer_of)
}

/// Assembles the whole-object entry in the background, if the file is suitable, the request has calls of the cache left for it, and no attempt is running or
/// has failed lately.
pub fn begin(call: &Routed, source: &Rc<ContentDescriptor>, span: Span) {
    let Some(names) = source.whole_object_keys(span).filter(|_| span.bytes() == source.size) else { return };
    let slices = u32::try_from(source.slices(span).count()).unwrap_or(u32::MAX);
    let now = clock::now();
    // For as long as after a failure, because the runtime may end the attempt without a word (Workers documentation, "Context": 30 s after the answer).
    let claim = || ASSEMBLING.with_borrow_mut(|assembling| assembling.claim(names.pointer.clone(), (), now.plus(FAILED_MS), now));
    if !call.cache.has_left(slices.saturating_add(OTHER_CALLS)) || !claim() {
        return;
    }
    let (held, source) = (call.clone(), Rc::clone(source));
    call.io.afterwards(async move {
        let pop = &held.cache;
        // Another isolate of this PoP may have assembled it.
        let assembled = if pointer_of(pop, &names, clock::now()).await.is_some() { Ok(true) } else { assemble(pop, &source, &names).await };
        if matches!(assembled, Ok(true)) {
            ASSEMBLING.with_borrow_mut(|assembling| assembling.remove(&names.pointer));
        }
        if let Err(error) = assembled {
            let _ = log::internal("cache", &js::error_text(&error));
        }
    });
}

/// Assembles the entry; false if a slice is not fresh, or the cache has not kept it.
async fn assemble(pop: &PopCache, source: &ContentDescriptor, names: &WholeObjectKeys) -> Result<bool, JsValue> {
    let name = hex::encode(random::bytes::<16>().map_err(|_| JsValue::from_str("no randomness"))?);
    let key = names.entry(&name);
    let stream = FixedLengthStream::new(source.size as f64)?;
    let now = clock::now();
    // The pointer says how long it is used: no slice may be fresh for longer.
    let fresh_until = now.plus(longest_ms(source.ttl));
    let (kept, fresh) =
        join(cache::put_stream(pop, &key, &stream.readable(), source.size, fresh_until, now), write_slices(pop, source, &stream.writable())).await;
    if let (Ok(()), Ok(Some(fresh))) = (&kept, &fresh)
        && is_whole(pop, source, &key).await
    {
        cache::put_text(pop, &names.pointer, &format!("{name} {}", now.plus(*fresh).0), fresh / 1000).await;
        return Ok(true);
    }
    pop.delete(&key).await;
    // If a slice was missing, that is the cause of the error on the other side.
    if fresh?.is_some() { kept.map(|()| false) } else { Ok(false) }
}

/// Writes all slices and returns their minimum remaining freshness, ms; `None` if a slice is stale or missing.
async fn write_slices(pop: &PopCache, source: &ContentDescriptor, writable: &WritableStream) -> Result<Option<u64>, JsValue> {
    let mut fresh = u64::MAX;
    for slice in source.slices(Span { first: 0, last: source.size.saturating_sub(1) }) {
        let entry = cache::find_entry(pop, &source.key(&slice), &slice, clock::now()).await;
        let (Some(Freshness::Fresh(ms)), Some(stream)) = (entry.as_ref().map(|entry| entry.freshness), entry.as_ref().and_then(cache::Entry::stream))
        else {
            let _ = writable.abort();
            return Ok(None);
        };
        fresh = fresh.min(ms);
        if let Err(reason) = crate::worker::content::pipe::pipe(&stream, writable).await {
            let _ = writable.abort_with_reason(&reason);
            return Err(reason);
        }
    }
    JsFuture::from(writable.close()).await?;
    Ok(Some(fresh))
}

/// Whether the last byte can be read from the cache, from an entry of the right length.
async fn is_whole(pop: &PopCache, source: &ContentDescriptor, key: &str) -> bool {
    let last = source.size.saturating_sub(1);
    let slice: Slice = source.as_one(Span { first: last, last });
    match cache::find_entry(pop, key, &slice, clock::now()).await {
        Some(entry) => entry.bytes().await.is_ok_and(|bytes| js::byte_length(&bytes) == Some(1)),
        None => false,
    }
}
