//! Small files in KV: what one PoP has read from the store, the others need not.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;
use worker::Env;

use crate::base::time::EpochMs;
use crate::delivery::content_descriptor::ContentDescriptor;
use crate::worker::platform::js::Kv;
use crate::worker::platform::{bindings, js, log};

/// The shortest life of a KV value, s (KV documentation, "Expiring keys").
const LEAST_SECONDS: u64 = 60;

/// In a value's metadata: until when it is fresh, epoch ms.
const FRESH_UNTIL: &str = "freshUntil";

fn place(env: &Env, source: &ContentDescriptor) -> Option<(Kv, String)> {
    Some((bindings::content(env)?, source.kv_key()?))
}

async fn look(env: &Env, source: &ContentDescriptor, form: &str) -> Result<Option<(JsValue, EpochMs)>, JsValue> {
    let Some((kv, key)) = place(env, source) else { return Ok(None) };
    let found = JsFuture::from(kv.get(&key, form)?).await?;
    let (value, metadata) = (Reflect::get(&found, &"value".into())?, Reflect::get(&found, &"metadata".into())?);
    if value.is_null() || !metadata.is_object() {
        return Ok(None);
    }
    let until = Reflect::get(&metadata, &FRESH_UNTIL.into())?.as_f64().unwrap_or_default();
    // An instant is a positive integer far below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(Some((value, EpochMs(until as u64))))
}

/// The file's bytes as an ArrayBuffer, and until when they are fresh.
pub async fn get(env: &Env, source: &ContentDescriptor) -> Option<(JsValue, EpochMs)> {
    let found = look(env, source, "arrayBuffer").await;
    let found = found.map_err(|error| log::internal("kv", &js::words(&error))).ok().flatten();
    found.filter(|(buffer, _)| js::byte_length(buffer) == Some(source.size))
}

/// Whether it is there.
pub async fn has(env: &Env, source: &ContentDescriptor) -> bool {
    let found = look(env, source, "stream").await.ok().flatten();
    if let Some((stream, _)) = &found {
        let _ = stream.unchecked_ref::<ReadableStream>().cancel();
    }
    found.is_some()
}

/// Keeps the file's bytes for its time. One write a second and key: whoever is second need not.
pub async fn put(env: &Env, source: &ContentDescriptor, buffer: &JsValue, fresh_until: EpochMs) {
    let kept = async {
        let Some((kv, key)) = place(env, source) else { return Ok(()) };
        let (options, metadata) = (Object::new(), Object::new());
        Reflect::set(&metadata, &FRESH_UNTIL.into(), &JsValue::from_f64(fresh_until.0 as f64))?;
        Reflect::set(&options, &"metadata".into(), &metadata)?;
        Reflect::set(&options, &"expirationTtl".into(), &JsValue::from_f64(source.ttl.max(LEAST_SECONDS) as f64))?;
        JsFuture::from(kv.keep(&key, buffer, &options)?).await.map(|_| ())
    };
    if let Err(error) = kept.await {
        let _ = log::internal("kv", &js::words(&error));
    }
}

/// Forgets it, everywhere, within a minute.
pub async fn forget(env: &Env, source: &ContentDescriptor) {
    let Some((kv, key)) = place(env, source) else { return };
    if let Ok(promise) = kv.forget(&key) {
        let _ = JsFuture::from(promise).await;
    }
}
