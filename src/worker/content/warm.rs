//! Prefetching for players: after a playlist its first files, after a segment the next two (docs/video.md, Warming).

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::join_all;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::access::caller::Caller;
use crate::auth::playback_token::VideoClaims;
use crate::base::id::Name;
use crate::base::json;
use crate::base::memory_budget::{MemoryPermit, Owner, Pool};
use crate::base::ttl_map::TtlMap;
use crate::delivery::cache_entry::Origin;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::http::range;
use crate::http::range::Span;
use crate::video::path::VideoPath;
use crate::video::playlist::{Playlist, Reference};
use crate::video::{play_order, playlist};
use crate::worker::content::fill::Bytes;
use crate::worker::content::video_source::source;
use crate::worker::content::{cache, fill, store_reads};
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;
use crate::worker::platform::pop_cache::PopCache;

/// Files prefetched after a playlist: an initialization section and the first segments.
const FIRST: usize = 3;

/// Lifetime of the isolate's records of prefetched files and segment orders, ms.
const RECORD_TTL_MS: u64 = 10_000;

/// Lifetime of a segment order in the PoP's cache, s.
const ORDER_SECONDS: u64 = 6 * 3600;

/// Bounds of the isolate's memory: for the orders of folders, and for keys of what was prefetched.
const MAX_ORDERS: usize = 200;
const MAX_ORDER_BYTES: usize = 4_000_000;
const MAX_WARMED: usize = 5_000;
const MAX_WARMED_BYTES: usize = 1_000_000;

/// The longest time for which a playlist is in memory, ms: two timeouts of the store.
const READING_MS: u64 = 60_000;

/// What an order takes: its texts and their headers, bytes.
fn order_bytes(name: &str, order: &[String]) -> usize {
    name.len() + order.iter().map(|file| file.len() + size_of::<String>()).sum::<usize>()
}

thread_local! {
    /// Segment order by folder.
    static ORDERS: RefCell<TtlMap<String, Rc<Vec<String>>>> = RefCell::new(TtlMap::new(MAX_ORDERS, MAX_ORDER_BYTES, |name, order| order_bytes(name, order)));
    /// Prefetched files: not prefetched again until then.
    static WARMED: RefCell<TtlMap<String, ()>> = RefCell::new(TtlMap::new(MAX_WARMED, MAX_WARMED_BYTES, |key, ()| key.len()));
}

/// Prefetches what a player requests after `path`.
pub async fn after(call: &Routed, served: &Rc<ContentDescriptor>, path: VideoPath, range: Option<&str>) {
    let Caller::Video(claims) = &*call.caller else { return };
    if path.is_playlist() {
        if is_due(served, path.as_str()) {
            after_playlist(call, claims, served, &path).await;
        }
        return;
    }
    // A file played by byte ranges: prefetch the range that follows.
    if let Some(Ok(range::ByteRanges::One(span))) = range.map(|field| range::parse_ranges(Some(field), served.size))
        && span.bytes() < served.size
    {
        let next = span.last.saturating_add(1);
        let last = next.saturating_add(2 * span.bytes()).min(served.size.saturating_sub(1));
        if next <= last {
            warm_span(call, served, Span { first: next, last }).await;
        }
        return;
    }
    let order = order(&call.cache, &claims.namespace, &claims.video, &path).await;
    join_all(play_order::next_two(&order, path.as_str()).map(|next| warm_file(call, claims, next, None))).await;
}

fn is_due(source: &ContentDescriptor, what: &str) -> bool {
    let now = clock::now();
    let key = format!("{}/{}/{}/{what}", source.generation, source.object, source.etag);
    WARMED.with_borrow_mut(|warmed| warmed.claim(key, (), now.plus(RECORD_TTL_MS), now))
}

async fn after_playlist(call: &Routed, claims: &VideoClaims, served: &Rc<ContentDescriptor>, path: &VideoPath) {
    let Some(text) = text(call, served).await else { return };
    match playlist::read(path, &text) {
        Some(Playlist::Master { variants, audio }) => {
            // Players begin with the first variant (RFC 8216 section 6.3.1 permits any) and need its audio rendition.
            let first = variants.first().into_iter().chain(audio.first());
            join_all(first.map(|path| warm_file(call, claims, path.as_str(), None))).await;
        }
        Some(Playlist::Media { files, .. }) => {
            // Before prefetching: the player requests the first segment immediately, and prefetching after it needs the order.
            keep_order(&call.cache, claims, &files).await;
            let first = files.iter().take(FIRST).map(|Reference { path, range }| warm_file(call, claims, path.as_str(), *range));
            join_all(first).await;
        }
        None => {}
    }
}

/// The playlist, if the account has room for it in memory.
async fn text(call: &Routed, source: &Rc<ContentDescriptor>) -> Option<String> {
    if source.size == 0 || source.size > playlist::LARGEST {
        return None;
    }
    // In JavaScript and copied into WebAssembly. Nobody waits for warming, so without room there is none.
    let owner = Owner::Account(source.account);
    let _held = MemoryPermit::reserve(Pool::Texts, owner, source.size.saturating_mul(2), READING_MS, clock::now())?;
    let slice = source.slices(Span { first: 0, last: source.size - 1 }).next()?;
    let got = fill::find_slice(call, source, slice).await.ok()?;
    if got.origin == Origin::Passed && matches!(got.bytes, Bytes::Stream(_)) {
        store_reads::count(call, source, source.size);
    }
    let response = match got.bytes {
        Bytes::Stream(stream) => Response::new_with_opt_readable_stream(Some(&stream)),
        Bytes::Buffer(buffer) => Response::new_with_opt_buffer_source(wasm_bindgen::JsCast::dyn_ref(&buffer)),
    };
    let buffer = JsFuture::from(response.ok()?.array_buffer().ok()?).await.ok()?;
    String::from_utf8(js_sys::Uint8Array::new(&buffer).to_vec()).ok()
}

async fn warm_file(call: &Routed, claims: &VideoClaims, path: &str, range: Option<(u64, u64)>) {
    let Ok(source) = source(call, claims, path).await else { return };
    let Some(end) = source.size.checked_sub(1) else { return };
    let span = match range {
        Some((first, bytes)) => Span { first: first.min(end), last: first.saturating_add(bytes.saturating_sub(1)).min(end) },
        None => Span { first: 0, last: end },
    };
    warm_span(call, &source, span).await;
}

/// Prefetches the first two slices of a span; more would evict content that is being played.
async fn warm_span(call: &Routed, source: &Rc<ContentDescriptor>, span: Span) {
    if source.ttl == 0 {
        return;
    }
    for slice in source.slices(span).take(2) {
        if is_due(source, &slice.index.to_string()) {
            fill::warm(call, source, slice).await;
        }
    }
}

fn order_name(namespace: &Name, video: &Name, folder: &str) -> String {
    format!("{namespace}/{video}/{}", crate::base::percent::component(folder))
}

fn order_key(name: &str) -> String {
    format!("1/order/{name}")
}

fn cache_order(name: &str, order: Vec<String>) -> Rc<Vec<String>> {
    let order = Rc::new(order);
    let now = clock::now();
    ORDERS.with_borrow_mut(|orders| orders.insert(name.to_owned(), Rc::clone(&order), now.plus(RECORD_TTL_MS), now));
    order
}

/// The segment order cached in this isolate; another isolate may have read a later playlist.
fn cached_order(name: &str) -> Option<Rc<Vec<String>>> {
    let now = clock::now();
    ORDERS.with_borrow(|orders| orders.get(name, now).map(Rc::clone))
}

/// Stores the playback order of a playlist's files by folder.
async fn keep_order(pop: &PopCache, claims: &VideoClaims, files: &[Reference]) {
    for (folder, listed) in play_order::by_folder(files) {
        let name = order_name(&claims.namespace, &claims.video, folder);
        let before = match cached_order(&name) {
            Some(before) => before,
            None => Rc::new(read_order(pop, &name).await),
        };
        let order = play_order::merge(listed, &before);
        if *before == order {
            continue;
        }
        if let Ok(text) = json::write(&order) {
            cache_order(&name, order);
            cache::put_text(pop, &order_key(&name), &text, ORDER_SECONDS).await;
        }
    }
}

async fn read_order(pop: &PopCache, name: &str) -> Vec<String> {
    cache::get_text(pop, &order_key(name)).await.and_then(|text| json::read(&text).ok()).unwrap_or_default()
}

async fn order(pop: &PopCache, namespace: &Name, video: &Name, path: &VideoPath) -> Rc<Vec<String>> {
    let name = order_name(namespace, video, path.folder());
    match cached_order(&name) {
        Some(order) => order,
        None => match read_order(pop, &name).await {
            // Not cached, because the playlist may be read at any moment, also by another isolate.
            none if none.is_empty() => Rc::default(),
            order => cache_order(&name, order),
        },
    }
}
