//! The PoP's cache: slices in, slices out.
//!
//! The Cache API knows no stale answers: entries are kept for their time and the stale window, and say themselves until when they are fresh.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, ReadableStream, RequestInit, Response, ResponseInit};

use crate::base::time::EpochMs;
use crate::delivery::cache_entry::{Freshness, STALE_MS};
use crate::delivery::slices::Slice;
use crate::worker::platform::{js, log};

/// Until when an entry is fresh, epoch ms.
const FRESH_UNTIL: &str = "x-jettyspeed-fresh-until";

/// A slice that was found.
pub struct Entry {
    response: Response,
    /// See [`Freshness`].
    pub freshness: Freshness,
}

impl Entry {
    /// The bytes that were wanted.
    pub fn stream(&self) -> Option<ReadableStream> {
        self.response.body()
    }

    /// All of it, as an ArrayBuffer. For whole slices.
    pub async fn bytes(&self) -> Result<JsValue, JsValue> {
        JsFuture::from(self.response.array_buffer()?).await
    }
}

/// What is wanted of the slice under `url`, if it is there. An entry that is not what it should be is none.
pub async fn find(url: &str, slice: &Slice, now: EpochMs) -> Option<Entry> {
    let response = look(url, slice).await.map_err(|error| log::internal("cache", &js::words(&error))).ok().flatten()?;
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

async fn look(url: &str, slice: &Slice) -> Result<Option<Response>, JsValue> {
    let found = if slice.is_whole() {
        js::cache()?.find(&JsValue::from_str(url))?
    } else {
        let headers = Headers::new()?;
        headers.set("range", &format!("bytes={}-{}", slice.from, slice.to))?;
        let init = RequestInit::new();
        init.set_headers(&headers);
        js::cache()?.find(web_sys::Request::new_with_str_and_init(url, &init)?.as_ref())?
    };
    let found = JsFuture::from(found).await?;
    Ok((!found.is_undefined()).then(|| found.unchecked_into()))
}

/// Keeps the whole slice `buffer`, whose length was checked, fresh until that instant.
///
/// # Errors
/// What the runtime throws.
pub async fn put(url: &str, buffer: &JsValue, fresh_until: EpochMs, now: EpochMs) -> Result<(), JsValue> {
    let fields = fields(js::byte_length(buffer).unwrap_or_default(), fresh_until, fresh_until.plus(STALE_MS).since(now));
    keep(url, Response::new_with_opt_buffer_source_and_init(buffer.dyn_ref(), &init(&fields)?)?).await
}

/// Keeps what comes out of `stream`, `bytes` bytes, as long as it is fresh. Whether all of it came is for the caller to find out: see [`crate::worker::content::whole_object`].
///
/// # Errors
/// What the runtime throws.
pub async fn put_stream(url: &str, stream: &ReadableStream, bytes: u64, fresh_until: EpochMs, now: EpochMs) -> Result<(), JsValue> {
    let fields = fields(bytes, fresh_until, fresh_until.since(now));
    keep(url, Response::new_with_opt_readable_stream_and_init(Some(stream), &init(&fields)?)?).await
}

fn fields(bytes: u64, fresh_until: EpochMs, kept_ms: u64) -> [(&'static str, String); 4] {
    [
        ("content-type", "application/octet-stream".to_owned()),
        ("content-length", bytes.to_string()),
        ("cache-control", format!("public, max-age={}", kept_ms / 1000)),
        (FRESH_UNTIL, fresh_until.0.to_string()),
    ]
}

/// A text that is kept here.
pub async fn text(url: &str) -> Option<String> {
    let found = JsFuture::from(js::cache().ok()?.find(&JsValue::from_str(url)).ok()?).await.ok().filter(|found| !found.is_undefined())?;
    let found: Response = found.unchecked_into();
    JsFuture::from(found.text().ok()?).await.ok()?.as_string()
}

/// Keeps a text for that long.
pub async fn put_text(url: &str, text: &str, seconds: u64) {
    let kept = async {
        let fields = [("content-type", "application/json".to_owned()), ("cache-control", format!("public, max-age={seconds}"))];
        keep(url, Response::new_with_opt_str_and_init(Some(text), &init(&fields)?)?).await
    };
    if let Err(error) = kept.await {
        let _ = log::internal("cache", &js::words(&error));
    }
}

/// Forgets an entry, in this PoP.
pub async fn delete(url: &str) {
    if let Ok(promise) = js::cache().and_then(|cache| cache.delete(url)) {
        let _ = JsFuture::from(promise).await;
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

async fn keep(url: &str, response: Response) -> Result<(), JsValue> {
    JsFuture::from(js::cache()?.put(url, &response)?).await.map(|_| ())
}
