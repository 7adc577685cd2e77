//! Cache of content descriptors, so that a cache hit needs no D1 query: 1 s in the isolate, up to [`HOLDS_MS`] in the PoP's cache
//! (docs/delivery.md, Invalidation).

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::join;
use serde::{Deserialize, Serialize};

use crate::base::id::Name;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::base::{json, percent};
use crate::delivery::content_descriptor::{ContentDescriptor, HOLDS_MS};
use crate::io::Io;
use crate::problem::Problem;
use crate::worker::content::cache;
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;
use crate::worker::platform::pop_cache::PopCache;

/// Lifetime in the isolate, ms: another isolate of this PoP may have invalidated the descriptor.
pub(super) const HERE_MS: u64 = 1_000;

/// Maximum number of descriptors in the isolate, about 500 bytes each.
const MAX_KEEP: usize = 4_000;

/// Bound of the isolate's memory for descriptors, bytes.
const MAX_BYTES: usize = 4_000_000;

/// Invalidations that are remembered at once. An evicted one could let this isolate use a descriptor that was read before it, so there is room for a thousand
/// a second.
const MAX_CHANGED: usize = 50_000;
const MAX_CHANGED_BYTES: usize = 8_000_000;

#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    read_at: EpochMs,
    source: ContentDescriptor,
}

struct Here {
    /// When it was read from D1.
    read_at: EpochMs,
    source: Rc<ContentDescriptor>,
}

thread_local! {
    static DESCRIPTORS: RefCell<TtlMap<String, Here>> = RefCell::new(TtlMap::new(MAX_KEEP, MAX_BYTES, |name, here| descriptor_bytes(name, here)));
    /// Invalidations by this isolate: a descriptor read before the invalidation is not used.
    static CHANGED: RefCell<TtlMap<String, EpochMs>> = RefCell::new(TtlMap::new(MAX_CHANGED, MAX_CHANGED_BYTES, |key, _| key.len()));
}

/// Instead of an entry that was invalidated: until then the nearest copy of the database may not have the change.
const TOMBSTONE: &str = "changed";

pub(super) fn key(name: &str) -> String {
    // The name is percent-encoded completely, so that the URL parser finds no dot segments in it.
    format!("1/known/{}", percent::component(name))
}

/// Cache name of a file.
pub fn file(namespace: &Name, asset: impl std::fmt::Display) -> String {
    format!("file/{namespace}/{asset}")
}

/// What an entry holds: its name and the texts of its descriptor.
fn descriptor_bytes(name: &str, here: &Here) -> usize {
    let source = &here.source;
    let texts = [&source.s3_key, &source.etag, &source.version, &source.content_type];
    let optional = [&source.name, &source.group].into_iter().flatten();
    size_of::<ContentDescriptor>() + name.len() + texts.into_iter().chain(optional).map(String::len).sum::<usize>()
}

fn holds(source: &ContentDescriptor, name: &str, read_at: EpochMs, now: EpochMs) -> bool {
    let keys = [name, source.namespace.as_str(), source.group.as_deref().unwrap_or(name)];
    now.since(read_at) < source.holds_ms && !changed_since(&keys, read_at, now)
}

/// Whether this isolate has invalidated one of `keys` since `read_at`.
pub(super) fn changed_since(keys: &[&str], read_at: EpochMs, now: EpochMs) -> bool {
    CHANGED.with_borrow(|changed| keys.iter().any(|key| changed.get(*key, now).is_some_and(|at| read_at <= *at)))
}

/// Whether only the primary of the database is sure to have what is to be read: what was changed in this PoP a moment ago. `text` is what the PoP's cache has of
/// it, `marked` is [`changed_in_pop`].
pub(super) fn must_be_fresh(text: Option<&str>, marked: EpochMs, keys: &[&str], now: EpochMs) -> bool {
    text == Some(TOMBSTONE) || marked > EpochMs(0) || changed_since(keys, EpochMs(0), now)
}

/// The descriptor `name`, from the caches or else from `read`, which is told whether it must be read from the primary.
///
/// # Errors
/// The errors of `read`.
pub async fn get_or_read(
    call: &Routed,
    namespace: &Name,
    name: &str,
    read: impl AsyncFnOnce(bool) -> Result<ContentDescriptor, Problem>,
) -> Result<Rc<ContentDescriptor>, Problem> {
    let now = clock::now();
    let here = DESCRIPTORS.with_borrow(|descriptors| descriptors.get(name, now).map(|here| (here.read_at, Rc::clone(&here.source))));
    if let Some((read_at, source)) = here
        && holds(&source, name, read_at, now)
    {
        return Ok(source);
    }
    let (text, marked) = join(cache::get_text(&call.cache, &key(name)), changed_in_pop(&call.cache, namespace)).await;
    let kept = text.as_deref().and_then(|text| json::read::<Kept>(text).ok());
    let kept = kept.filter(|kept| kept.name == name && holds(&kept.source, name, kept.read_at, now));
    if let Some(Kept { read_at, source, .. }) = kept
        && read_at > marked
    {
        return Ok(note(name, now, read_at, source));
    }
    let source = read(must_be_fresh(text.as_deref(), marked, &[name, namespace.as_str()], now)).await?;
    let kept = Kept { name: name.to_owned(), read_at: now, source };
    if holds(&kept.source, name, now, now)
        && let Ok(text) = json::write(&kept)
    {
        let (held, key, seconds) = (Rc::clone(&call.call), key(name), kept.source.holds_ms.div_ceil(1000).max(1));
        call.io.afterwards(async move { cache::put_text(&held.cache, &key, &text, seconds).await });
    }
    Ok(note(name, now, now, kept.source))
}

/// When a whole namespace, or a video in it, was last invalidated by any isolate of this PoP.
pub(super) async fn changed_in_pop(pop: &PopCache, namespace: &Name) -> EpochMs {
    let at = cache::get_text(pop, &mark(namespace)).await.and_then(|text| text.parse().ok());
    EpochMs(at.unwrap_or_default())
}

fn mark(namespace: &Name) -> String {
    format!("1/changed/{namespace}")
}

async fn publish_invalidation(pop: Option<&PopCache>, namespace: &Name) {
    let Some(pop) = pop else { return };
    cache::put_text(pop, &mark(namespace), &clock::now().0.to_string(), 2 * HOLDS_MS / 1000).await;
}

fn note(name: &str, now: EpochMs, read_at: EpochMs, source: ContentDescriptor) -> Rc<ContentDescriptor> {
    let source = Rc::new(source);
    let here = Here { read_at, source: Rc::clone(&source) };
    DESCRIPTORS.with_borrow_mut(|descriptors| descriptors.insert(name.to_owned(), here, now.plus(HERE_MS), now));
    source
}

fn changed(key: &str) {
    let now = clock::now();
    CHANGED.with_borrow_mut(|changed| changed.insert(key.to_owned(), now, now.plus(HOLDS_MS), now));
}

/// Invalidates one descriptor: immediately in the isolate, within 1 s in the data centre if its cache is known, within [`HOLDS_MS`] globally.
pub async fn invalidate(pop: Option<&PopCache>, name: &str) {
    forget(name);
    let Some(pop) = pop else { return };
    cache::put_text(pop, &key(name), TOMBSTONE, 2 * HOLDS_MS / 1000).await;
}

fn forget(name: &str) {
    changed(name);
    DESCRIPTORS.with_borrow_mut(|descriptors| descriptors.remove(name));
}

/// Invalidates all files of a video: immediately in the isolate, within 1 s in the data centre, within [`HOLDS_MS`] globally.
pub async fn invalidate_group(pop: Option<&PopCache>, namespace: &Name, group: &str) {
    changed(group);
    publish_invalidation(pop, namespace).await;
}

/// Invalidates a whole namespace: immediately in the isolate, within 1 s in the data centre, within [`HOLDS_MS`] globally.
pub async fn invalidate_namespace(pop: Option<&PopCache>, namespace: &Name) {
    changed(namespace.as_str());
    DESCRIPTORS.with_borrow_mut(|descriptors| descriptors.retain(|_, here| here.source.namespace != *namespace));
    publish_invalidation(pop, namespace).await;
}
