//! A slice's bytes: from the PoP's cache, else from whoever is reading it already, else from KV or the store, and then into the cache.
//!
//! Invariant: nothing is put into the cache whose status, place, version and number of bytes were not checked after the last byte had come.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::base::memory_budget::MemoryPermit;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::delivery::cache_entry::{Freshness, Origin, REVALIDATE_INTERVAL_MS};
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::fill_lock::shard::FILL_MS;
use crate::delivery::response_headers::{Answered, check_answer};
use crate::delivery::slices::Slice;
use crate::http::range::Span;
use crate::problem::{OriginFailure, Problem};
use crate::s3::operations::get_object;
use crate::worker::content::fill_lock::Outcome;
use crate::worker::content::{cache, cache_stats, fill_lock, kv};
use crate::worker::http::call::Routed;
use crate::worker::platform::origin::{Answer, Body};
use crate::worker::platform::{clock, js, log, origin};

/// How many stale entries an isolate revalidates at once, and the bytes of their keys.
const MAX_REVALIDATING: usize = 2_000;
const MAX_REVALIDATING_BYTES: usize = 1_000_000;

/// How often the cache is looked into again after somebody else has filled it.
const TRIES: u32 = 4;

/// How long a slice waits for room in memory before it goes past the cache, ms.
const ROOM_WAIT_MS: u64 = 3_000;

/// How often it looks, ms.
const ROOM_POLL_MS: u64 = 20;

/// Bytes that stay in JavaScript.
#[derive(Debug)]
pub enum Bytes {
    /// On their way.
    Stream(ReadableStream),
    /// All here.
    Buffer(JsValue),
}

/// What was wanted of a slice, and where it came from.
#[derive(Debug)]
pub struct SliceBody {
    /// See [`Bytes`].
    pub bytes: Bytes,
    /// See [`Origin`].
    pub origin: Origin,
}

impl SliceBody {
    /// Lets go of what nobody will read, so that its connection is free.
    pub fn discard(&self) {
        if let Bytes::Stream(stream) = &self.bytes {
            let _ = stream.cancel();
        }
    }
}

thread_local! {
    /// Stale entries that are being looked after here, and until when nobody else need to.
    static REVALIDATING: RefCell<TtlMap<String, ()>> = RefCell::new(TtlMap::new(MAX_REVALIDATING, MAX_REVALIDATING_BYTES, |key, ()| key.len()));
}

/// What is wanted of a slice.
///
/// # Errors
/// 502, 503, 504: of the store.
pub async fn slice(call: &Routed, source: &Rc<ContentDescriptor>, slice: Slice) -> Result<SliceBody, Problem> {
    let got = find_slice(call, source, slice).await?;
    cache_stats::sent(source, &slice, got.origin);
    Ok(got)
}

/// The same, not counted as delivered.
pub async fn find_slice(call: &Routed, source: &Rc<ContentDescriptor>, slice: Slice) -> Result<SliceBody, Problem> {
    if source.ttl == 0 {
        return pass(call, source, &slice).await;
    }
    let key = source.key(&slice);
    let mut waited = false;
    for _ in 0..TRIES {
        if let Some(got) = cached(call, source, &slice, &key, waited).await {
            return Ok(got);
        }
        let (held, of, under) = (call.clone(), Rc::clone(source), key.clone());
        // To its end, from the asking on: others wait for it, too.
        let led = call.run_detached(async move { lead(&held, &of, &slice, &under).await });
        match led.await.unwrap_or(Err(Problem::Internal))? {
            FillOutcome::FilledElsewhere => waited = true,
            FillOutcome::Filled(buffer, origin) => {
                // The bytes are out of the budget now: from the cache they come as they are read. What the cache did not take is here.
                let bytes = match cache::find(&key, &slice, clock::now()).await.and_then(|entry| entry.stream()) {
                    Some(stream) => Bytes::Stream(stream),
                    None => part_of(&slice, buffer)?,
                };
                return Ok(SliceBody { bytes, origin });
            }
            FillOutcome::TooLong | FillOutcome::NoRoom => break,
        }
    }
    pass(call, source, &slice).await
}

/// What came of wanting a slice that is not in the cache.
enum FillOutcome {
    /// Somebody else has read it.
    FilledElsewhere,
    /// All of it, whole.
    Filled(JsValue, Origin),
    /// The store is too slow for everybody to wait for a whole slice.
    TooLong,
    /// So much is being read already that there is no memory for it.
    NoRoom,
}

async fn lead(call: &Routed, source: &ContentDescriptor, slice: &Slice, key: &str) -> Result<FillOutcome, Problem> {
    let lock = match fill_lock::acquire(&call.env, call.geo().edge_name(), key).await? {
        Outcome::Stored => return Ok(FillOutcome::FilledElsewhere),
        Outcome::Acquired(lock) => lock,
    };
    let Some(_room) = room(slice.span.bytes()).await else {
        // Principal waits is refused for a moment: each of them reading for itself would be more of what there is too much of.
        lock.done(false).await;
        return Ok(FillOutcome::NoRoom);
    };
    let filled = origin::within(FILL_MS, fill(call, source, slice, key)).await;
    lock.done(matches!(filled, Some(Ok((_, Origin::Filled | Origin::Kv))))).await;
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

/// Room for a slice in this isolate's memory, once others have given up theirs; not for long.
async fn room(bytes: u64) -> Option<MemoryPermit> {
    let until = clock::now().plus(ROOM_WAIT_MS);
    loop {
        let now = clock::now();
        let room = MemoryPermit::reserve(bytes, u64::MAX, now);
        if room.is_some() || now >= until {
            return room;
        }
        worker::Delay::from(Duration::from_millis(ROOM_POLL_MS)).await;
    }
}

/// What is in the cache, if it is. A stale entry is served, and looked after in the background.
async fn cached(call: &Routed, source: &Rc<ContentDescriptor>, slice: &Slice, key: &str, waited: bool) -> Option<SliceBody> {
    let now = clock::now();
    let entry = cache::find(key, slice, now).await?;
    let freshness = entry.freshness;
    if matches!(freshness, Freshness::Stale(_)) && claim_revalidation(key, now) {
        let (held, source, key, slice) = (call.clone(), Rc::clone(source), key.to_owned(), *slice);
        call.afterwards(async move { revalidate(&held, &source, &slice, &key).await });
    }
    let origin = if waited { Origin::Collapsed } else { Origin::Cache(freshness) };
    Some(SliceBody { bytes: Bytes::Stream(entry.stream()?), origin })
}

fn claim_revalidation(key: &str, now: EpochMs) -> bool {
    REVALIDATING.with_borrow_mut(|revalidating| revalidating.claim(key.to_owned(), (), now.plus(REVALIDATE_INTERVAL_MS), now))
}

/// Reads the whole slice and puts it into the cache. What the cache does not take is served all the same.
async fn fill(call: &Routed, source: &ContentDescriptor, slice: &Slice, key: &str) -> Result<(JsValue, Origin), Problem> {
    let now = clock::now();
    let kept = match kv::get(&call.env, source).await {
        Some((_, until)) if until <= now => None,
        kept => kept,
    };
    let (buffer, fresh_until, origin) = match kept {
        Some((buffer, until)) => (buffer, until, Origin::Kv),
        None => (read_checked(call, source, slice.span).await?, now.plus(source.ttl.saturating_mul(1000)), Origin::Filled),
    };
    if let Err(error) = cache::put(key, &buffer, fresh_until, clock::now()).await {
        let _ = log::internal("cache", &js::words(&error));
        return Ok((buffer, Origin::Passed));
    }
    if origin == Origin::Filled && source.kv_key().is_some() {
        let (held, source, buffer) = (call.clone(), source.clone(), buffer.clone());
        call.afterwards(async move { kv::put(&held.env, &source, &buffer, fresh_until).await });
    }
    Ok((buffer, origin))
}

/// A range of the object, whole and checked.
async fn read_checked(call: &Routed, source: &ContentDescriptor, span: Span) -> Result<JsValue, Problem> {
    let answer = request_range(call, source, span).await?;
    let buffer = answer.bytes(FILL_MS).await.map_err(|error| origin::problem("GetObject", &error))?;
    if js::byte_length(&buffer) != Some(span.bytes()) {
        return Err(Problem::Origin(OriginFailure::Unexpected("ShortBody".to_owned())));
    }
    Ok(buffer)
}

async fn request_range(call: &Routed, source: &ContentDescriptor, span: Span) -> Result<Answer, Problem> {
    let started = clock::now();
    let whole = span.first == 0 && span.bytes() == source.size;
    let action = get_object::get_object(&source.s3_key, (!whole).then_some((span.first, span.last)));
    let answer = origin::send(&call.config, &action, Body::Empty).await;
    call.span("origin", started);
    let answer = answer.map_err(|error| origin::problem("GetObject", &error))?;
    let [length, range, etag, encoding] = ["content-length", "content-range", "etag", "content-encoding"].map(|name| answer.header(name));
    let answered =
        Answered { status: answer.status, length: length.as_deref(), range: range.as_deref(), etag: etag.as_deref(), encoding: encoding.as_deref() };
    if let Err(problem) = check_answer(answered, source, span) {
        answer.discard();
        return Err(problem);
    }
    Ok(answer)
}

/// What is wanted, from the store to the client, past the cache.
async fn pass(call: &Routed, source: &ContentDescriptor, slice: &Slice) -> Result<SliceBody, Problem> {
    let begin = slice.span.first;
    let answer = request_range(call, source, Span { first: begin + slice.from, last: begin + slice.to }).await?;
    Ok(SliceBody { bytes: Bytes::Stream(answer.body().ok_or(Problem::Internal)?), origin: Origin::Passed })
}

/// Asks the store for one byte: the object is what it was, or it is not. Bytes that are still right need not be sent again.
async fn revalidate(call: &Routed, source: &ContentDescriptor, slice: &Slice, key: &str) {
    let first = Span { first: slice.span.first, last: slice.span.first };
    match request_range(call, source, first).await {
        Ok(answer) => {
            answer.discard();
            renew(source, slice, key).await;
        }
        Err(Problem::Origin(OriginFailure::Unexpected(code))) if code == "NoSuchKey" => cache::delete(key).await,
        // The store is down, or out of its mind: what is here goes on being served.
        Err(_) => {}
    }
}

async fn renew(source: &ContentDescriptor, slice: &Slice, key: &str) {
    let now = clock::now();
    let whole = Slice { from: 0, to: slice.span.bytes().saturating_sub(1), ..*slice };
    let Some(_held) = MemoryPermit::reserve(slice.span.bytes(), u64::MAX, now) else { return };
    let Some(entry) = cache::find(key, &whole, now).await else { return };
    let renewed = async {
        let buffer = entry.bytes().await?;
        if js::byte_length(&buffer) != Some(slice.span.bytes()) {
            return Ok(());
        }
        cache::put(key, &buffer, now.plus(source.ttl.saturating_mul(1000)), now).await
    };
    if let Err(error) = renewed.await {
        let error: JsValue = error;
        let _ = log::internal("cache", &js::words(&error));
    }
}

/// Where the bytes of a slice would come from, if they are here.
pub async fn cached_origin(source: &ContentDescriptor, slice: &Slice) -> Option<Origin> {
    let entry = cache::find(&source.key(slice), slice, clock::now()).await?;
    if let Some(stream) = entry.stream() {
        let _ = stream.cancel();
    }
    Some(Origin::Cache(entry.freshness))
}

/// Reads a slice into the cache, if it is not there and there is room: nobody waits for it.
pub async fn warm(call: &Routed, source: &Rc<ContentDescriptor>, wanted: Slice) {
    let whole = Slice { from: 0, to: wanted.span.bytes().saturating_sub(1), ..wanted };
    if let Ok(got) = find_slice(call, source, whole).await {
        got.discard();
    }
}
