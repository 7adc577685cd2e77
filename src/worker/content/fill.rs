//! Reads a slice: from the PoP's cache, else by request collapsing, else from KV or the origin, filling the cache (docs/delivery.md, Cache entries).
//!
//! Architecture invariant: a slice enters the cache only after its last byte has arrived and status, range, version and length were checked.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::json;
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::base::memory_budget::{MemoryPermit, Owner, Pool};
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::clients::store;
use crate::delivery::cache_entry::{Freshness, Origin, REVALIDATE_INTERVAL_MS};
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::fill_lock::message::Filled;
use crate::delivery::fill_lock::shard::FILL_MS;
use crate::delivery::popularity::ahead::{KV_MS, is_new, may_be_in_kv};
use crate::delivery::response_headers::{Answered, check_answer};
use crate::delivery::slices::Slice;
use crate::gateway::shield::Kept;
use crate::http::range::Span;
use crate::io::Io;
use crate::io::answer::Answer as _;
use crate::log;
use crate::log::LogLevel;
use crate::problem::{OriginFailure, Problem};
use crate::worker::content::fill_lock::Outcome;
use crate::worker::content::{cache, cache_stats, came_from, fill_lock, kv, popularity, store_reads};
use crate::worker::http::call::Routed;
use crate::worker::platform::origin::Answer;
use crate::worker::platform::pop_cache::PopCache;
use crate::worker::platform::{clock, js, memory, origin};

/// How many stale entries an isolate revalidates at once, and the bytes of their keys.
const MAX_REVALIDATING: usize = 2_000;
const MAX_REVALIDATING_BYTES: usize = 1_000_000;

/// Calls of the cache that a revalidation makes.
const REVALIDATION_CALLS: u32 = 2;

/// How often a request tries to get the fill lock when those before it had no room in memory.
const MAX_ATTEMPTS: u32 = 4;

/// The longest time for which a slice is in memory, ms: its read, and a put into the cache.
const SLICE_MS: u64 = FILL_MS as u64 + 30_000;

/// Bytes that stay in JavaScript.
#[derive(Debug)]
pub enum Bytes {
    /// A stream.
    Stream(ReadableStream),
    /// An ArrayBuffer.
    Buffer(JsValue),
}

/// The requested part of a slice and its source.
#[derive(Debug)]
pub struct SliceBody {
    /// See [`Bytes`].
    pub bytes: Bytes,
    /// See [`Origin`].
    pub origin: Origin,
}

impl SliceBody {
    /// Cancels an unread stream, so that its connection is released.
    pub fn discard(&self) {
        if let Bytes::Stream(stream) = &self.bytes {
            let _ = stream.cancel();
        }
    }
}

thread_local! {
    /// Stale entries being revalidated by this isolate: no other request starts a revalidation until then.
    static REVALIDATING: RefCell<TtlMap<String, ()>> = RefCell::new(TtlMap::new(MAX_REVALIDATING, MAX_REVALIDATING_BYTES, |key, ()| key.len()));
}

/// The requested part of a slice, counted as delivered.
///
/// # Errors
/// 502, 503, 504 from the origin.
pub async fn slice(call: &Routed, source: &Rc<ContentDescriptor>, slice: Slice) -> Result<SliceBody, Problem> {
    let got = find_slice(call, source, slice).await?;
    count_sent(call, source, &slice, got.origin);
    Ok(got)
}

/// What is passed on is counted when it has left.
fn count_sent(call: &Routed, source: &ContentDescriptor, slice: &Slice, origin: Origin) {
    if origin != Origin::Passed {
        cache_stats::sent(call, source, slice, origin);
    }
}

/// The requested part of a slice if it is cached, else only these bytes from the origin, counted as delivered: for answers that need little of many slices.
///
/// # Errors
/// 502, 503, 504 from the origin.
pub async fn sparse(call: &Routed, source: &Rc<ContentDescriptor>, slice: Slice) -> Result<SliceBody, Problem> {
    let kept = if source.ttl == 0 { None } else { cached(call, source, &slice, &source.key(&slice), false).await };
    let got = match kept {
        Some(got) => got,
        None => pass(call, source, &slice).await?,
    };
    count_sent(call, source, &slice, got.origin);
    Ok(got)
}

/// The requested part of a slice, not counted as delivered.
pub async fn find_slice(call: &Routed, source: &Rc<ContentDescriptor>, slice: Slice) -> Result<SliceBody, Problem> {
    if source.ttl == 0 {
        return pass(call, source, &slice).await;
    }
    let key = source.key(&slice);
    let mut waited = false;
    for _ in 0..MAX_ATTEMPTS {
        if let Some(got) = cached(call, source, &slice, &key, waited).await {
            return Ok(got);
        }
        if waited {
            // A put may succeed though nothing is kept, for this request as for the one before it.
            break;
        }
        let (held, of, under) = (call.clone(), Rc::clone(source), key.clone());
        // Detached from the client's connection, including the lock request, because other requests wait for the result.
        let led = call.io.detached(async move { lead(&held, &of, &slice, &under).await });
        match led.await.unwrap_or(Err(Problem::Internal))? {
            FillOutcome::FilledElsewhere => waited = true,
            FillOutcome::TryAgain => {}
            FillOutcome::Filled(buffer, origin) => {
                // The memory permit is released, so the bytes are streamed from the cache. A slice that the cache did not store is sent from the buffer.
                return Ok(match cache::find_entry(&call.cache, &key, &slice, clock::now()).await.and_then(|entry| entry.stream()) {
                    // What was read of the store is counted, whoever's entry it is.
                    Some(stream) => {
                        SliceBody { bytes: Bytes::Stream(stream), origin: if origin == Origin::Passed { Origin::Filled } else { origin } }
                    }
                    None => SliceBody { bytes: part_of(&slice, buffer)?, origin },
                });
            }
            FillOutcome::TooLong | FillOutcome::NoRoom => break,
        }
    }
    pass(call, source, &slice).await
}

/// Result of a cache miss.
enum FillOutcome {
    /// Another request has filled the slice.
    FilledElsewhere,
    /// The request that held the lock had no room in memory.
    TryAgain,
    /// The whole slice.
    Filled(JsValue, Origin),
    /// The origin is too slow for the waiting requests to wait for a whole slice.
    TooLong,
    /// The isolate's memory budget is used up.
    NoRoom,
}

async fn lead(call: &Routed, source: &ContentDescriptor, slice: &Slice, key: &str) -> Result<FillOutcome, Problem> {
    let lock = match fill_lock::acquire(&call.io.env, call.geo().edge_name(), key).await? {
        Outcome::Stored => return Ok(FillOutcome::FilledElsewhere),
        Outcome::TryAgain => return Ok(FillOutcome::TryAgain),
        Outcome::Acquired(lock) => lock,
    };
    // After the wait the cache is bypassed.
    let Ok(_room) = memory::reserve(Pool::Slices, Owner::Account(source.account), slice.span.bytes(), SLICE_MS).await else {
        // The waiting requests try in turn, so that the load that used up the memory does not grow at once.
        lock.done(Filled::Untried).await;
        return Ok(FillOutcome::NoRoom);
    };
    let filled = origin::within(FILL_MS, fill(call, source, slice, key)).await;
    // What the cache did not take was read all the same: that is no failure of the store.
    lock.done(if matches!(filled, Some(Ok(_))) { Filled::Read } else { Filled::Failed }).await;
    match filled {
        Some(filled) => filled.map(|(buffer, origin)| FillOutcome::Filled(buffer, origin)),
        None => Ok(FillOutcome::TooLong),
    }
}

fn part_of(slice: &Slice, buffer: JsValue) -> Result<Bytes, Problem> {
    if slice.is_whole() {
        return Ok(Bytes::Buffer(buffer));
    }
    let at = |byte: u64| u32::try_from(byte).map_err(|_| Problem::Internal);
    Ok(Bytes::Buffer(js::part(&buffer, at(slice.from)?, at(slice.to)?).into()))
}

/// The cached part of a slice. A stale entry is served and revalidated in the background (stale-while-revalidate, RFC 5861), one of a popular file shortly before
/// it is stale.
async fn cached(call: &Routed, source: &Rc<ContentDescriptor>, slice: &Slice, key: &str, waited: bool) -> Option<SliceBody> {
    let now = clock::now();
    let entry = cache::find_entry(&call.cache, key, slice, now).await?;
    let freshness = entry.freshness;
    let begins = || match freshness {
        Freshness::Stale(_) => claim_revalidation(key, now),
        Freshness::Fresh(left_ms) => popularity::begins_refresh(call, source, key, left_ms, now),
    };
    if call.cache.has_left(REVALIDATION_CALLS) && begins() {
        let (held, source, key, slice) = (call.clone(), Rc::clone(source), key.to_owned(), *slice);
        call.io.afterwards(async move { revalidate(&held, &source, &slice, &key).await });
    }
    let origin = if waited { Origin::Collapsed } else { Origin::Cache(freshness) };
    Some(SliceBody { bytes: Bytes::Stream(entry.stream()?), origin })
}

fn claim_revalidation(key: &str, now: EpochMs) -> bool {
    REVALIDATING.with_borrow_mut(|revalidating| revalidating.claim(key.to_owned(), (), now.plus(REVALIDATE_INTERVAL_MS), now))
}

/// Reads the whole slice and stores it in the cache. If the cache does not store it, it is served anyway.
async fn fill(call: &Routed, source: &ContentDescriptor, slice: &Slice, key: &str) -> Result<(JsValue, Origin), Problem> {
    let now = clock::now();
    let kv_key = kv_key(call, source, now).await;
    let kept = match &kv_key {
        Some(key) => kv::get_file(&call.io.env, source, key).await.filter(|(_, until)| *until > now),
        None => None,
    };
    let (buffer, fresh_until, origin) = match kept {
        Some((buffer, until)) => (buffer, until, Origin::Kv),
        None => {
            let (buffer, origin) = read_checked(call, source, slice.span, key).await?;
            (buffer, popularity::fresh_until(call, source, now), origin)
        }
    };
    if let Err(error) = cache::put(&call.cache, key, &buffer, fresh_until, clock::now()).await {
        let _ = log::internal("cache", &js::error_text(&error));
        return Ok((buffer, Origin::Passed));
    }
    let is_of_any_age = source.kv_key().is_some();
    if let Some(key) = kv_key.filter(|_| origin != Origin::Kv && (is_of_any_age || is_new(source, now))) {
        let until = if is_of_any_age { fresh_until } else { fresh_until.min(now.plus(KV_MS)) };
        let (held, buffer) = (call.clone(), buffer.clone());
        call.io.afterwards(async move { kv::put(&held.io.env, &key, &buffer, until).await });
    }
    Ok((buffer, origin))
}

/// The key in KV under which the file may be: of a small one, and of a larger one that was lately uploaded elsewhere.
async fn kv_key(call: &Routed, source: &ContentDescriptor, now: EpochMs) -> Option<String> {
    if let Some(key) = source.kv_key() {
        return Some(key);
    }
    let is_ahead = call.config.popularity_window_seconds > 0 && may_be_in_kv(source, now) && !came_from::is_here(&call.cache, source.object).await;
    source.kv_key_of_any_size().filter(|_| is_ahead)
}

/// The outcome of `read`, which is made once more if the connection broke: a store may close an idle one just as it is used, and reading changes nothing.
async fn twice<T>(read: impl AsyncFn() -> Result<T, Problem>) -> Result<T, Problem> {
    let mut again = true;
    loop {
        match read().await {
            Err(Problem::Origin(OriginFailure::Unreachable)) if std::mem::take(&mut again) => {}
            outcome => return outcome,
        }
    }
}

/// The slice `key`, complete and checked, from the store or from what the gateway beside it has kept.
async fn read_checked(call: &Routed, source: &ContentDescriptor, span: Span, key: &str) -> Result<(JsValue, Origin), Problem> {
    twice(async || read_checked_once(call, source, span, key).await).await
}

async fn read_checked_once(call: &Routed, source: &ContentDescriptor, span: Span, key: &str) -> Result<(JsValue, Origin), Problem> {
    let (whole, base) = (is_whole(source, span), call.cache.base());
    let kept = Kept { span, whole, seconds: source.ttl, etag: &source.etag, base: &base, key };
    let answer = request_range(call, source, span, kept.to_field()).await?;
    let origin = if answer.is_from_shield() { Origin::Shield } else { Origin::Filled };
    if origin == Origin::Filled {
        store_reads::count(call, source, span.bytes());
    }
    let buffer = answer.bytes(span.bytes(), FILL_MS).await.map_err(|error| store::problem("GetObject", &error))?;
    if js::byte_length(&buffer) != Some(span.bytes()) {
        return Err(Problem::Origin(OriginFailure::Unexpected("ShortBody".to_owned())));
    }
    Ok((buffer, origin))
}

fn is_whole(source: &ContentDescriptor, span: Span) -> bool {
    span.first == 0 && span.bytes() == source.size
}

async fn request_range(call: &Routed, source: &ContentDescriptor, span: Span, kept: Option<String>) -> Result<Answer, Problem> {
    let started = clock::now();
    let answer =
        store::get(&call.io, &call.config, &source.s3_key, source.size, (!is_whole(source, span)).then_some((span.first, span.last)), kept).await;
    call.io.span("origin", started);
    let answer = answer.map_err(|error| store::problem("GetObject", &error))?;
    if answer.is_from_shield() {
        // The gateway checked it when it kept it.
        return Ok(answer);
    }
    let [length, range, etag, encoding] = answer.told();
    let answered =
        Answered { status: answer.status, length: length.as_deref(), range: range.as_deref(), etag: etag.as_deref(), encoding: encoding.as_deref() };
    if let Err(problem) = check_answer(answered, source, span) {
        let wanted = json!({ "first": span.first, "last": span.last, "size": source.size, "etag": source.etag });
        log::event(LogLevel::Warn, "origin", json!({ "action": "GetObject", "answered": answered, "wanted": wanted }));
        answer.discard();
        return Err(problem);
    }
    Ok(answer)
}

async fn pass(call: &Routed, source: &ContentDescriptor, slice: &Slice) -> Result<SliceBody, Problem> {
    let begin = slice.span.first;
    pass_span(call, source, Span { first: begin + slice.from, last: begin + slice.to }).await
}

/// A byte range, streamed from the origin without the cache. Whoever sends it on counts what was read.
///
/// # Errors
/// 502, 503, 504 from the origin.
pub async fn pass_span(call: &Routed, source: &ContentDescriptor, span: Span) -> Result<SliceBody, Problem> {
    let answer = twice(async || request_range(call, source, span, None).await).await?;
    let stream = answer.counted_body(span.bytes()).map_err(|error| call.thrown("stream", &error))?.ok_or(Problem::Internal)?;
    Ok(SliceBody { bytes: Bytes::Stream(stream), origin: Origin::Passed })
}

/// Revalidates an entry with a one-byte range request: the ETag of the response shows whether the object is unchanged, without a transfer of the slice.
async fn revalidate(call: &Routed, source: &ContentDescriptor, slice: &Slice, key: &str) {
    let first = Span { first: slice.span.first, last: slice.span.first };
    match request_range(call, source, first, None).await {
        Ok(answer) => {
            answer.discard();
            store_reads::count(call, source, 1);
            popularity::learn_hours(call, source).await;
            renew(call, source, slice, key).await;
        }
        Err(Problem::Origin(OriginFailure::Unexpected(code))) if code == "NoSuchKey" => call.cache.delete(key).await,
        // Origin error: keep serving the stale entry (stale-if-error, RFC 5861).
        Err(_) => {}
    }
}

async fn renew(call: &Routed, source: &ContentDescriptor, slice: &Slice, key: &str) {
    let now = clock::now();
    let whole = Slice { from: 0, to: slice.span.bytes().saturating_sub(1), ..*slice };
    let owner = Owner::Account(source.account);
    let Some(_held) = MemoryPermit::reserve(Pool::Slices, owner, slice.span.bytes(), SLICE_MS, now) else { return };
    let Some(entry) = cache::find_entry(&call.cache, key, &whole, now).await else { return };
    let renewed = async {
        let buffer = entry.bytes().await?;
        if js::byte_length(&buffer) != Some(slice.span.bytes()) {
            return Ok(());
        }
        let fresh_until = popularity::fresh_until(call, source, now);
        cache::put(&call.cache, key, &buffer, fresh_until, now).await?;
        if let Some(key) = source.kv_key().filter(|_| popularity::is_popular(call, source, now)) {
            kv::put(&call.io.env, &key, &buffer, fresh_until).await;
        }
        Ok(())
    };
    if let Err(error) = renewed.await {
        let error: JsValue = error;
        let _ = log::internal("cache", &js::error_text(&error));
    }
}

/// The source of a slice's bytes if they are in this PoP's cache.
pub async fn cached_origin(pop: &PopCache, source: &ContentDescriptor, slice: &Slice) -> Option<Origin> {
    let entry = cache::find_entry(pop, &source.key(slice), slice, clock::now()).await?;
    if let Some(stream) = entry.stream() {
        let _ = stream.cancel();
    }
    Some(Origin::Cache(entry.freshness))
}

/// Prefetches a slice into the cache. Errors are ignored.
pub async fn warm(call: &Routed, source: &Rc<ContentDescriptor>, wanted: Slice) {
    let whole = Slice { from: 0, to: wanted.span.bytes().saturating_sub(1), ..wanted };
    if let Ok(got) = find_slice(call, source, whole).await {
        got.discard();
    }
}
