//! The PoP's cache (Cloudflare Cache API), by slice.
//!
//! The Cache API does not serve stale responses. Entries are therefore stored for their freshness lifetime plus the stale window, and carry their expiry in a
//! header field.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, ReadableStream, Response, ResponseInit};

use crate::base::time::EpochMs;
use crate::delivery::cache_entry::{Freshness, STALE_MS};
use crate::delivery::slices::Slice;
use crate::http::range::Span;
use crate::log;
use crate::worker::platform::js;
use crate::worker::platform::pop_cache::PopCache;

/// Header field with the end of the freshness lifetime, epoch ms.
const FRESH_UNTIL: &str = "x-jettyspeed-fresh-until";

/// A cache entry.
pub struct Entry {
    response: Response,
    /// See [`Freshness`].
    pub freshness: Freshness,
}

impl Entry {
    /// The requested bytes of the slice.
    pub fn stream(&self) -> Option<ReadableStream> {
        self.response.body()
    }

    /// Cancels an unread stream.
    pub fn discard(&self) {
        if let Some(body) = self.response.body() {
            let _ = body.cancel();
        }
    }

    /// The body as an ArrayBuffer. Only for whole slices, whose size is bounded.
    pub async fn bytes(&self) -> Result<JsValue, JsValue> {
        JsFuture::from(self.response.array_buffer()?).await
    }
}

/// Reads the requested part of a slice. An entry with the wrong status, length or expiry counts as a miss.
pub async fn find_entry(pop: &PopCache, key: &str, slice: &Slice, now: EpochMs) -> Option<Entry> {
    let part = (!slice.is_whole()).then_some(Span { first: slice.from, last: slice.to });
    let response = pop.find(key, part).await.map_err(|error| log::internal("cache", &js::error_text(&error))).ok().flatten()?;
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let status = if slice.is_whole() { 200 } else { 206 };
    let length = header("content-length").and_then(|text| text.parse::<u64>().ok());
    let freshness = Freshness::of(header(FRESH_UNTIL).as_deref(), now);
    match freshness {
        Some(freshness) if response.status() == status && length == Some(slice.to - slice.from + 1) => Some(Entry { response, freshness }),
        _ => {
            if let Some(body) = response.body() {
                let _ = body.cancel();
            }
            None
        }
    }
}

/// Stores the whole slice `buffer`, whose length the caller has checked, until `fresh_until` plus the stale window.
///
/// # Errors
/// The exception of the Cache API.
pub async fn put(pop: &PopCache, key: &str, buffer: &JsValue, fresh_until: EpochMs, now: EpochMs) -> Result<(), JsValue> {
    let fields = fields(js::byte_length(buffer).unwrap_or_default(), fresh_until, fresh_until.plus(STALE_MS).since(now));
    pop.put(key, &Response::new_with_opt_buffer_source_and_init(buffer.dyn_ref(), &init(&fields)?)?).await
}

/// Stores `bytes` bytes from `stream` until `fresh_until`. The cache may keep a truncated body, so the caller must check that the entry is complete:
/// see [`crate::worker::content::whole_object`].
///
/// # Errors
/// The exception of the Cache API.
pub async fn put_stream(pop: &PopCache, key: &str, stream: &ReadableStream, bytes: u64, fresh_until: EpochMs, now: EpochMs) -> Result<(), JsValue> {
    let fields = fields(bytes, fresh_until, fresh_until.since(now));
    pop.put(key, &Response::new_with_opt_readable_stream_and_init(Some(stream), &init(&fields)?)?).await
}

fn fields(bytes: u64, fresh_until: EpochMs, kept_ms: u64) -> [(&'static str, String); 4] {
    [
        ("content-type", "application/octet-stream".to_owned()),
        ("content-length", bytes.to_string()),
        ("cache-control", format!("public, max-age={}", kept_ms / 1000)),
        (FRESH_UNTIL, fresh_until.0.to_string()),
    ]
}

/// Reads an entry that [`put_text`] stored.
pub async fn get_text(pop: &PopCache, key: &str) -> Option<String> {
    let found = pop.find(key, None).await.ok().flatten()?;
    JsFuture::from(found.text().ok()?).await.ok()?.as_string()
}

/// Stores a text for `seconds`.
pub async fn put_text(pop: &PopCache, key: &str, text: &str, seconds: u64) {
    let kept = async {
        let fields = [("content-type", "application/json".to_owned()), ("cache-control", format!("public, max-age={seconds}"))];
        pop.put(key, &Response::new_with_opt_str_and_init(Some(text), &init(&fields)?)?).await
    };
    if let Err(error) = kept.await {
        let _ = log::internal("cache", &js::error_text(&error));
    }
}

fn init(fields: &[(&str, String)]) -> Result<ResponseInit, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in fields {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_headers(&headers);
    Ok(init)
}
