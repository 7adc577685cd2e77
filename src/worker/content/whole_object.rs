//! A large file that is read whole again and again, as one entry of the PoP's cache beside its slices: one answer passes through the runtime at the network's
//! speed, where twenty that follow each other through a stream of ours go at half of it.
//!
//! It is joined from slices that are in the cache, fresh and whole, in the background, once a client got all of the file from the cache. A cache can keep the
//! beginning of a body whose end never came. Therefore each attempt writes under a name that was drawn for it, and readers find that name in a second entry, which
//! is written only after the last byte was in the cache and came back out of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::future::join;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::WritableStream;

use crate::base::time::EpochMs;
use crate::delivery::cache_entry::{Freshness, Origin};
use crate::delivery::content_descriptor::{ContentDescriptor, WholeObjectKeys};
use crate::delivery::slices::Slice;
use crate::http::range::Span;
use crate::worker::content::cache;
use crate::worker::content::fill::{Bytes, SliceBody};
use crate::worker::http::call::Routed;
use crate::worker::platform::js::FixedLengthStream;
use crate::worker::platform::{clock, js, log, random};

/// How long one attempt keeps others from being begun in this isolate, ms.
const ATTEMPT_MS: u64 = 60_000;

/// How many names are remembered in an isolate.
const MAX_REMEMBERED: usize = 256;

thread_local! {
    /// What is being joined here, and until when nobody else need to.
    static ASSEMBLING: RefCell<HashMap<String, EpochMs>> = RefCell::default();
    /// What pointers pointer_of: it is good for as long as it says, or until there is nothing under the name.
    static REMEMBERED: RefCell<HashMap<String, (String, EpochMs)>> = RefCell::default();
}

/// `span` of the file from its joined entry, if there is one and that is what it is for.
pub async fn find_whole(source: &ContentDescriptor, span: Span) -> Option<SliceBody> {
    let names = source.whole_object_keys(span)?;
    let now = clock::now();
    let (name, until) = pointer_of(&names, now).await?;
    let Some(entry) = cache::find(&names.entry(&name), &source.as_one(span), now).await else {
        // Evicted: without its pointer it is joined again.
        REMEMBERED.with_borrow_mut(|remembered| remembered.remove(&names.pointer));
        cache::delete(&names.pointer).await;
        return None;
    };
    Some(SliceBody { bytes: Bytes::Stream(entry.stream()?), origin: Origin::Cache(Freshness::Fresh(until.since(now))) })
}

/// The drawn name, and until when what is under it is fresh.
async fn pointer_of(names: &WholeObjectKeys, now: EpochMs) -> Option<(String, EpochMs)> {
    if let Some(known) = REMEMBERED.with_borrow(|remembered| remembered.get(&names.pointer).filter(|(_, until)| now < *until).cloned()) {
        return Some(known);
    }
    let text = cache::text(&names.pointer).await?;
    let (name, until) = text.split_once(' ')?;
    let pointer_of = (name.to_owned(), EpochMs(until.parse().ok()?));
    if now >= pointer_of.1 {
        return None;
    }
    REMEMBERED.with_borrow_mut(|remembered| {
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(names.pointer.clone(), pointer_of.clone());
    });
    Some(pointer_of)
}

/// Joins the file afterwards, if it is one to join and nobody does.
pub fn begin(call: &Routed, source: &Rc<ContentDescriptor>, span: Span) {
    let Some(names) = source.whole_object_keys(span).filter(|_| span.bytes() == source.size) else { return };
    let now = clock::now();
    let begun = ASSEMBLING.with_borrow_mut(|assembling| {
        assembling.retain(|_, until| now < *until);
        assembling.insert(names.pointer.clone(), now.plus(ATTEMPT_MS)).is_some()
    });
    if begun {
        return;
    }
    let source = Rc::clone(source);
    call.afterwards(async move {
        // Another isolate of this PoP can have done it.
        if pointer_of(&names, clock::now()).await.is_none()
            && let Err(error) = attempt(&source, &names).await
        {
            let _ = log::internal("cache", &js::words(&error));
        }
        ASSEMBLING.with_borrow_mut(|assembling| assembling.remove(&names.pointer));
    });
}

async fn attempt(source: &ContentDescriptor, names: &WholeObjectKeys) -> Result<(), JsValue> {
    let name = hex::encode(random::bytes::<16>().map_err(|_| JsValue::from_str("no randomness"))?);
    let url = names.entry(&name);
    let stream = FixedLengthStream::new(source.size as f64)?;
    let now = clock::now();
    let fresh_until = now.plus(source.ttl.saturating_mul(1000));
    let (kept, fresh) = join(cache::put_stream(&url, &stream.readable(), source.size, fresh_until, now), pour(source, &stream.writable())).await;
    if let (Ok(()), Ok(Some(fresh))) = (&kept, &fresh)
        && is_whole(source, &url).await
    {
        cache::put_text(&names.pointer, &format!("{name} {}", now.plus(*fresh).0), fresh / 1000).await;
        return Ok(());
    }
    cache::delete(&url).await;
    // Where a slice was missing that is what broke the other side off.
    if fresh?.is_some() { kept } else { Ok(()) }
}

/// Writes all slices, and says for how many ms all of them are fresh: None if one is not, or is not here any more.
async fn pour(source: &ContentDescriptor, writable: &WritableStream) -> Result<Option<u64>, JsValue> {
    let mut fresh = u64::MAX;
    for slice in source.slices(Span { first: 0, last: source.size.saturating_sub(1) }) {
        let entry = cache::find(&source.key(&slice), &slice, clock::now()).await;
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

/// Whether the last byte comes back out of the cache, of an entry of the right length.
async fn is_whole(source: &ContentDescriptor, url: &str) -> bool {
    let last = source.size.saturating_sub(1);
    let slice: Slice = source.as_one(Span { first: last, last });
    match cache::find(url, &slice, clock::now()).await {
        Some(entry) => entry.bytes().await.is_ok_and(|bytes| js::byte_length(&bytes) == Some(1)),
        None => false,
    }
}
