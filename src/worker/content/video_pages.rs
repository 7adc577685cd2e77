//! Look-ups of a settled video's files: its state from the isolate (1 s), the PoP's cache (50 s) or D1, its files in pages that are good for as long as the state
//! has the same version (docs/video.md, Look-ups).

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::join;
use serde::{Deserialize, Serialize};

use crate::auth::playback_token::VideoClaims;
use crate::base::json;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::clients::{database, shards};
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::io::Io;
use crate::io::database::Database;
use crate::problem::Problem;
use crate::video::pages::{MAX_PAGE_BYTES, PAGE_SECONDS, PageFile, VideoState, file_in, group, prefix, state_name};
use crate::video::repository;
use crate::video::repository::FileRow;
use crate::worker::content::cache;
use crate::worker::content::metadata_cache::{self, HERE_MS};
use crate::worker::http::call::Routed;
use crate::worker::platform::clock;
use crate::worker::platform::pop_cache::PopCache;

/// Bounds of the isolate's memory: states of about 300 bytes, and pages.
const MAX_STATES: usize = 2_000;
const MAX_STATE_BYTES: usize = 1_000_000;
const MAX_PAGES: usize = 400;
const MAX_PAGES_BYTES: usize = 4_000_000;

/// How long an isolate keeps a page that it does not need, ms.
const PAGE_MS: u64 = 600_000;

#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    read_at: EpochMs,
    state: VideoState,
}

#[derive(Serialize, Deserialize)]
struct Page {
    name: String,
    files: Vec<PageFile>,
}

thread_local! {
    static STATES: RefCell<TtlMap<String, Rc<Kept>>> = RefCell::new(TtlMap::new(MAX_STATES, MAX_STATE_BYTES, |name, kept| 2 * name.len() + size_of_val(&**kept)));
    static PAGES: RefCell<TtlMap<String, Rc<Page>>> = RefCell::new(TtlMap::new(MAX_PAGES, MAX_PAGES_BYTES, |name, page| name.len() + page_bytes(page)));
}

fn page_bytes(page: &Page) -> usize {
    page.files.iter().map(|file| size_of::<PageFile>() + file.path.len() + file.s3_key.len() + file.etag.len() + file.content_type.len()).sum()
}

/// The file, if the video is settled and the page of the path has it; the caller looks other files up for themselves.
///
/// # Errors
/// [`Problem::Internal`] if D1 does not answer.
pub async fn find(call: &Routed, claims: &VideoClaims, path: &str) -> Result<Option<ContentDescriptor>, Problem> {
    let VideoClaims { namespace, video, .. } = claims;
    let (now, prefix, name) = (clock::now(), prefix(path), state_name(namespace, video));
    let (known, fresh) = known_state(&call.cache, claims, &name, now).await;
    if let Some(kept) = &known {
        if !kept.state.has_pages(now) {
            return Ok(None);
        }
        if let Some(page) = known_page(&call.cache, &kept.state.page_name(namespace, video, prefix), now).await {
            return Ok(descriptor(claims, &kept.state, &page.files, path));
        }
    }
    // Both at once, so that the page is of that version.
    let db = shards::of_namespace_to_read(&call.io, namespace).await?.nearest_if(!fresh);
    let statements = [repository::state(namespace, video), repository::page(namespace, video, prefix)];
    let mut rows = database::results(&db, &statements).await?;
    let mut state = rows.first::<VideoState>()?;
    if known.is_some_and(|kept| state.as_ref().is_none_or(|state| state.is_before(&kept.state))) {
        // That copy of the database does not have yet what is known here.
        rows = database::results(&shards::of_namespace_to_read(&call.io, namespace).await?, &statements).await?;
        state = rows.first()?;
    }
    let Some(state) = state else { return Ok(None) };
    let files: Vec<PageFile> = rows.all()?;
    let found = if state.has_pages(now) { descriptor(claims, &state, &files, path) } else { None };
    let page = Page { name: state.page_name(namespace, video, prefix), files };
    keep(call, Kept { name, read_at: now, state }, page, now);
    Ok(found)
}

/// The state if it is known, and whether D1's primary is to be asked otherwise: after a change in this PoP.
async fn known_state(pop: &PopCache, claims: &VideoClaims, name: &str, now: EpochMs) -> (Option<Rc<Kept>>, bool) {
    let group = group(&claims.namespace, &claims.video);
    let keys = [name, &group, claims.namespace.as_str()];
    let holds = |kept: &Kept| now.since(kept.read_at) < kept.state.holds_ms() && !metadata_cache::changed_since(&keys, kept.read_at, now);
    let here = STATES.with_borrow(|states| states.get(name, now).map(Rc::clone));
    if let Some(kept) = here.filter(|kept| holds(kept)) {
        return (Some(kept), false);
    }
    let (text, marked) = join(cache::get_text(pop, &metadata_cache::key(name)), metadata_cache::changed_in_pop(pop, &claims.namespace)).await;
    let kept = text.as_deref().and_then(|text| json::read::<Kept>(text).ok());
    if let Some(kept) = kept.filter(|kept| kept.name == name && holds(kept) && kept.read_at > marked) {
        let kept = Rc::new(kept);
        STATES.with_borrow_mut(|states| states.insert(name.to_owned(), Rc::clone(&kept), now.plus(HERE_MS), now));
        return (Some(kept), false);
    }
    (None, metadata_cache::must_be_fresh(text.as_deref(), marked, &keys, now))
}

async fn known_page(pop: &PopCache, name: &str, now: EpochMs) -> Option<Rc<Page>> {
    if let Some(page) = PAGES.with_borrow(|pages| pages.get(name, now).map(Rc::clone)) {
        return Some(page);
    }
    let text = cache::get_text(pop, &metadata_cache::key(name)).await?;
    let page = json::read::<Page>(&text).ok().filter(|page| page.name == name)?;
    Some(note(page, now))
}

fn note(page: Page, now: EpochMs) -> Rc<Page> {
    let page = Rc::new(page);
    PAGES.with_borrow_mut(|pages| pages.insert(page.name.clone(), Rc::clone(&page), now.plus(PAGE_MS), now));
    page
}

/// Keeps both in the isolate and in the PoP; of a video without pages only the state, which tells that.
fn keep(call: &Routed, kept: Kept, page: Page, now: EpochMs) {
    if kept.state.holds_ms() == 0 {
        return;
    }
    let mut texts = Vec::new();
    if let Ok(text) = json::write(&kept) {
        texts.push((metadata_cache::key(&kept.name), text, kept.state.holds_ms().div_ceil(1000)));
    }
    if kept.state.has_pages(now) {
        let text = json::write(&page).ok().filter(|text| text.len() <= MAX_PAGE_BYTES);
        texts.extend(text.map(|text| (metadata_cache::key(&page.name), text, PAGE_SECONDS)));
        note(page, now);
    }
    STATES.with_borrow_mut(|states| states.insert(kept.name.clone(), Rc::new(kept), now.plus(HERE_MS), now));
    let held = call.clone();
    call.io.afterwards(async move {
        for (key, text, seconds) in texts {
            cache::put_text(&held.cache, &key, &text, seconds).await;
        }
    });
}

fn descriptor(claims: &VideoClaims, state: &VideoState, files: &[PageFile], path: &str) -> Option<ContentDescriptor> {
    file_in(files, path, state).map(|file| ContentDescriptor::from(FileRow::of(&claims.namespace, &claims.video, state, file)))
}
