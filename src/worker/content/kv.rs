//! Small files in KV: after one PoP has read a file from the origin, the others read it from KV.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;
use worker::Env;

use crate::base::time::EpochMs;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::delivery::popularity::ahead::may_be_in_kv;
use crate::log;
use crate::worker::platform::{bindings, clock, js};

/// Minimum TTL of a KV value, s (Cloudflare KV documentation, "Expiring keys").
const MIN_TTL_SECONDS: u64 = 60;

/// Metadata field with the end of the freshness lifetime, epoch ms.
const FRESH_UNTIL: &str = "freshUntil";

async fn get_with_metadata(env: &Env, key: &str, form: &str) -> Result<Option<(JsValue, EpochMs)>, JsValue> {
    let Some(kv) = bindings::content(env) else { return Ok(None) };
    log::step("kv", "read");
    let found = JsFuture::from(kv.get(key, form)?).await?;
    let (value, metadata) = (Reflect::get(&found, &"value".into())?, Reflect::get(&found, &"metadata".into())?);
    if value.is_null() || !metadata.is_object() {
        return Ok(None);
    }
    let until = Reflect::get(&metadata, &FRESH_UNTIL.into())?.as_f64().unwrap_or_default();
    // Epoch ms are non-negative integers below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(Some((value, EpochMs(until as u64))))
}

/// The file's bytes under `key` as an ArrayBuffer, and the end of their freshness lifetime.
pub async fn get_file(env: &Env, source: &ContentDescriptor, key: &str) -> Option<(JsValue, EpochMs)> {
    let found = get_with_metadata(env, key, "arrayBuffer").await;
    let found = found.map_err(|error| log::internal("kv", &js::error_text(&error))).ok().flatten();
    found.filter(|(buffer, _)| js::byte_length(buffer) == Some(source.size))
}

/// Whether KV has the file.
pub async fn has_file(env: &Env, source: &ContentDescriptor) -> bool {
    let Some(key) = source.kv_key() else { return false };
    let found = get_with_metadata(env, &key, "stream").await.ok().flatten();
    if let Some((stream, _)) = &found {
        let _ = stream.unchecked_ref::<ReadableStream>().cancel();
    }
    found.is_some()
}

/// Stores the file until `fresh_until`. KV limits writes to one per second and key; a concurrent write of the same bytes may fail without harm.
pub async fn put(env: &Env, key: &str, buffer: &JsValue, fresh_until: EpochMs) {
    let kept = async {
        let Some(kv) = bindings::content(env) else { return Ok(()) };
        let (options, metadata) = (Object::new(), Object::new());
        Reflect::set(&metadata, &FRESH_UNTIL.into(), &JsValue::from_f64(fresh_until.0 as f64))?;
        Reflect::set(&options, &"metadata".into(), &metadata)?;
        let seconds = fresh_until.since(clock::now()).div_ceil(1000).max(MIN_TTL_SECONDS);
        Reflect::set(&options, &"expirationTtl".into(), &JsValue::from_f64(seconds as f64))?;
        log::step("kv", "write");
        JsFuture::from(kv.put(key, buffer, &options)?).await.map(|_| ())
    };
    if let Err(error) = kept.await {
        let _ = log::internal("kv", &js::error_text(&error));
    }
}

/// Deletes the file. The deletion is visible in every PoP within 60 s (Cloudflare KV documentation, "How KV works").
pub async fn delete(env: &Env, source: &ContentDescriptor) {
    let ahead = || source.kv_key_of_any_size().filter(|_| may_be_in_kv(source, clock::now()));
    let (Some(kv), Some(key)) = (bindings::content(env), source.kv_key().or_else(ahead)) else { return };
    log::step("kv", "delete");
    if let Ok(promise) = kv.delete(&key) {
        let _ = JsFuture::from(promise).await;
    }
}
