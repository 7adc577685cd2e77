//! Responses of models in KV, and the last ones in the isolate (docs/delivery.md, "Responses of models").

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{JSON, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;

use crate::base::id::Id;
use crate::base::json;
use crate::base::memory_budget::Pool;
use crate::base::ttl_map::TtlMap;
use crate::io::Io;
use crate::log;
use crate::problem::Problem;
use crate::response_cache::entry::{ATTEMPTS, Head, MAX_HERE_BYTES, RETRY_MS, is_too_often};
use crate::response_cache::request::MAX_VALUE_BYTES;
use crate::worker::http::call::Routed;
use crate::worker::platform::js::Kv;
use crate::worker::platform::{bindings, clock, js, memory, read_body};

/// Bounds of the isolate's memory for responses.
const MAX_HERE: usize = 1_000;
const MAX_BYTES: usize = 4_000_000;

/// What a response takes while it is answered: as it was read, in the answer's text, and in JavaScript.
const COPIES: u64 = 3;

/// The longest time for which a response is in memory, ms: its read, from a KV that is slow.
const READING_MS: u64 = 30_000;

/// A response as the isolate has it.
#[derive(Clone)]
struct Here {
    head: Head,
    response: Rc<[u8]>,
}

thread_local! {
    static HERE: RefCell<TtlMap<String, Here>> =
        RefCell::new(TtlMap::new(MAX_HERE, MAX_BYTES, |key, here| key.len() + here.response.len() + size_of::<Here>()));
}

fn here(key: &str) -> Option<Here> {
    let now = clock::now();
    HERE.with_borrow(|here| here.get(key, now).cloned())
}

fn note(key: &str, head: Head, response: &Rc<[u8]>) {
    let now = clock::now();
    HERE.with_borrow_mut(|here| {
        here.remove(key);
        if response.len() <= MAX_HERE_BYTES {
            here.insert(key.to_owned(), Here { head, response: Rc::clone(response) }, head.until_here(now), now);
        }
    });
}

/// A value of KV that was not read yet.
struct Found {
    head: Head,
    stream: ReadableStream,
}

impl Found {
    /// Gives the value up, so that its connection is released.
    fn discard(&self) {
        let _ = self.stream.cancel();
    }
}

/// What KV has under `key`, if its lifetime has not ended. An outage of KV is a miss: whoever asks can do without.
async fn find(call: &Routed, key: &str) -> Option<Found> {
    let kv = bindings::content(&call.io.env)?;
    let started = clock::now();
    let found = get(&kv, key).await.map_err(|error| log::internal("kv", &js::error_text(&error))).ok().flatten()?;
    call.io.span("kv", started);
    if found.head.is_alive(clock::now()) {
        return Some(found);
    }
    found.discard();
    None
}

async fn get(kv: &Kv, key: &str) -> Result<Option<Found>, JsValue> {
    log::step("kv", "read");
    let found = JsFuture::from(kv.get(key, "stream")?).await?;
    let (value, metadata) = (Reflect::get(&found, &"value".into())?, Reflect::get(&found, &"metadata".into())?);
    if value.is_null() || value.is_undefined() {
        return Ok(None);
    }
    let stream: ReadableStream = value.unchecked_into();
    let text = JSON::stringify(&metadata)?.as_string().unwrap_or_default();
    Ok(match json::read::<Head>(&text) {
        Ok(head) => Some(Found { head, stream }),
        Err(_) => {
            let _ = stream.cancel();
            None
        }
    })
}

/// The response under `key`.
///
/// # Errors
/// 503 without room in memory.
pub async fn read(call: &Routed, key: &str) -> Result<Option<Rc<[u8]>>, Problem> {
    if let Some(Here { response, .. }) = here(key) {
        return Ok(Some(response));
    }
    let Some(found) = find(call, key).await else { return Ok(None) };
    let bytes = found.head.bytes.saturating_mul(COPIES);
    let permit = memory::reserve(Pool::Texts, call.owner.get(), bytes, READING_MS).await.inspect_err(|_| found.discard())?;
    let limit = u64::try_from(MAX_VALUE_BYTES).unwrap_or(u64::MAX);
    let read = clock::within(u32::try_from(READING_MS).unwrap_or(u32::MAX), read_body::read_up_to(found.stream, limit)).await;
    let value = match read {
        Some(Ok(value)) => value,
        Some(Err(error)) => {
            let _ = log::internal("kv", &js::error_text(&error));
            None
        }
        None => None,
    };
    // What is shorter than it should be broke off.
    let Some(value) = value.filter(|value| u64::try_from(value.len()).ok() == Some(found.head.bytes)) else { return Ok(None) };
    let response: Rc<[u8]> = value.into();
    note(key, found.head, &response);
    call.hold(permit);
    Ok(Some(response))
}

/// Whose response is under `key`, as far as this PoP knows.
pub async fn owner(call: &Routed, key: &str) -> Option<Id> {
    if let Some(Here { head, .. }) = here(key) {
        return Some(head.by);
    }
    let found = find(call, key).await?;
    found.discard();
    Some(found.head.by)
}

/// Stores a response for `ttl` seconds.
///
/// # Errors
/// 503 if KV does not take it, also not a second later.
pub async fn write(call: &Routed, key: &str, head: Head, response: &[u8], ttl: u64) -> Result<(), Problem> {
    let kv = bindings::content(&call.io.env).ok_or(Problem::CacheBusy)?;
    let started = clock::now();
    for attempt in 1..=ATTEMPTS {
        let Err(error) = put(&kv, key, head, response, ttl).await else {
            call.io.span("kv", started);
            note(key, head, &response.into());
            return Ok(());
        };
        let error = js::error_text(&error);
        let _ = log::internal("kv", &error);
        if !is_too_often(&error) {
            break;
        }
        if attempt < ATTEMPTS {
            worker::Delay::from(Duration::from_millis(RETRY_MS)).await;
        }
    }
    HERE.with_borrow_mut(|here| here.remove(key));
    Err(Problem::CacheBusy)
}

async fn put(kv: &Kv, key: &str, head: Head, response: &[u8], ttl: u64) -> Result<(), JsValue> {
    let metadata = json::write(&head).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let options = Object::new();
    Reflect::set(&options, &"metadata".into(), &JSON::parse(&metadata)?)?;
    Reflect::set(&options, &"expirationTtl".into(), &JsValue::from_f64(ttl as f64))?;
    log::step("kv", "write");
    JsFuture::from(kv.put(key, &Uint8Array::from(response), &options)?).await.map(|_| ())
}
