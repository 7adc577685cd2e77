//! JavaScript calls that neither `worker` nor `web-sys` offer in the form the hot paths need: fetch(url, init) without an intermediate Request.

use std::cell::RefCell;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Headers;

#[wasm_bindgen]
extern "C" {
    /// The global fetch.
    #[wasm_bindgen(js_name = fetch, catch)]
    pub fn fetch(url: &str, init: &web_sys::RequestInit) -> Result<Promise, JsValue>;

    /// The runtime's own digest of bytes that are all here.
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = digest, catch)]
    fn subtle_digest(algorithm: &str, data: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import_key(format: &str, key: &Uint8Array, algorithm: &JsValue, extractable: bool, usages: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = sign, catch)]
    fn subtle_sign(algorithm: &str, key: &JsValue, data: &JsValue) -> Result<Promise, JsValue>;

    /// The runtime's own digest of a stream (Workers documentation, "Web Crypto", DigestStream): a WritableStream that holds nothing.
    #[wasm_bindgen(js_namespace = crypto)]
    pub type DigestStream;

    /// For that algorithm.
    #[wasm_bindgen(constructor, js_namespace = crypto, catch)]
    pub fn new(algorithm: &str) -> Result<DigestStream, JsValue>;

    /// The digest, once the stream is closed.
    #[wasm_bindgen(method, getter)]
    pub fn digest(this: &DigestStream) -> Promise;

    /// A stream of a length that is known from the start, so that an answer made of it carries a Content-Length (Workers documentation, "TransformStream").
    pub type FixedLengthStream;

    /// Of that many bytes.
    #[wasm_bindgen(constructor, catch)]
    pub fn new(bytes: f64) -> Result<FixedLengthStream, JsValue>;

    /// What comes out.
    #[wasm_bindgen(method, getter)]
    pub fn readable(this: &FixedLengthStream) -> web_sys::ReadableStream;

    /// What goes in.
    #[wasm_bindgen(method, getter)]
    pub fn writable(this: &FixedLengthStream) -> web_sys::WritableStream;

    /// The PoP's cache (Workers documentation, "Cache").
    #[derive(Clone)]
    pub type Cache;

    /// The answer under that key, if there is one.
    #[wasm_bindgen(method, js_name = match, catch)]
    pub fn find(this: &Cache, key: &JsValue) -> Result<Promise, JsValue>;

    /// Keeps an answer.
    #[wasm_bindgen(method, catch)]
    pub fn put(this: &Cache, key: &str, response: &web_sys::Response) -> Result<Promise, JsValue>;

    /// Forgets one, in this PoP.
    #[wasm_bindgen(method, catch)]
    pub fn delete(this: &Cache, key: &str) -> Result<Promise, JsValue>;

    /// A KV namespace (Workers documentation, "KV").
    pub type Kv;

    /// `{value, metadata}`, the value in that form.
    #[wasm_bindgen(method, js_name = getWithMetadata, catch)]
    pub fn get(this: &Kv, key: &str, form: &str) -> Result<Promise, JsValue>;

    /// Keeps a value.
    #[wasm_bindgen(method, js_name = put, catch)]
    pub fn keep(this: &Kv, key: &str, value: &JsValue, options: &JsValue) -> Result<Promise, JsValue>;

    /// Forgets one, everywhere, in a while.
    #[wasm_bindgen(method, js_name = delete, catch)]
    pub fn forget(this: &Kv, key: &str) -> Result<Promise, JsValue>;

    /// A Durable Object stub, or anything else with a fetch method.
    pub type Fetcher;

    /// Its fetch.
    #[wasm_bindgen(method, catch)]
    pub fn fetch(this: &Fetcher, url: &str, init: &web_sys::RequestInit) -> Result<Promise, JsValue>;
}

/// The SHA-256 of an ArrayBuffer as lowercase hex; the bytes stay in JavaScript.
pub async fn sha256(buffer: &JsValue) -> Option<String> {
    let digest = JsFuture::from(subtle_digest("SHA-256", buffer).ok()?).await.ok()?;
    Some(hex::encode(js_sys::Uint8Array::new(&digest).to_vec()))
}

/// HMAC-SHA-256 of bytes that stay in JavaScript.
///
/// # Errors
/// What the runtime throws.
pub async fn hmac(key: &[u8], data: &Uint8Array) -> Result<[u8; 32], JsValue> {
    let algorithm = js_sys::Object::new();
    js_sys::Reflect::set(&algorithm, &"name".into(), &"HMAC".into())?;
    js_sys::Reflect::set(&algorithm, &"hash".into(), &"SHA-256".into())?;
    let usages = js_sys::Array::of1(&"sign".into());
    let key = JsFuture::from(import_key("raw", &Uint8Array::from(key), &algorithm, false, &usages)?).await?;
    let tag = JsFuture::from(subtle_sign("HMAC", &key, data)?).await?;
    Uint8Array::new(&tag).to_vec().try_into().map_err(|_| JsValue::from_str("a tag of another length"))
}

/// Several ArrayBuffers as one array, without the last `left_out` bytes of each. Nothing of them comes here.
pub fn concatenated(buffers: &[JsValue], left_out: u32) -> Uint8Array {
    let arrays: Vec<Uint8Array> = buffers.iter().map(Uint8Array::new).collect();
    let cut: Vec<Uint8Array> = arrays.iter().map(|array| array.subarray(0, array.length().saturating_sub(left_out))).collect();
    let all = Uint8Array::new_with_length(cut.iter().map(Uint8Array::length).sum());
    let mut at = 0;
    for array in &cut {
        all.set(array, at);
        at += array.length();
    }
    all
}

thread_local! {
    /// Belongs to the isolate, not to a request.
    static CACHE: RefCell<Option<Cache>> = const { RefCell::new(None) };
}

/// The PoP's cache.
///
/// # Errors
/// What the runtime throws.
pub fn cache() -> Result<Cache, JsValue> {
    if let Some(cache) = CACHE.with_borrow(Clone::clone) {
        return Ok(cache);
    }
    let caches = js_sys::Reflect::get(&js_sys::global(), &"caches".into())?;
    let cache: Cache = js_sys::Reflect::get(&caches, &"default".into())?.unchecked_into();
    CACHE.set(Some(cache.clone()));
    Ok(cache)
}

/// Header fields, in one crossing: twenty fields are forty otherwise, each with a string to decode.
///
/// # Errors
/// What the runtime throws.
pub fn headers(fields: &[(&'static str, String)]) -> Result<Headers, JsValue> {
    let text = crate::base::json::write(&fields).map_err(|error| JsValue::from_str(&error.to_string()))?;
    Headers::new_with_str_sequence_sequence(&js_sys::JSON::parse(&text)?)
}

/// Bytes `from..=to` of an ArrayBuffer, which are not copied.
pub fn part(buffer: &JsValue, from: u32, to: u32) -> Uint8Array {
    Uint8Array::new(buffer).subarray(from, to.saturating_add(1))
}

/// The length of an ArrayBuffer.
pub fn byte_length(buffer: &JsValue) -> Option<u64> {
    let length = js_sys::Reflect::get(buffer, &"byteLength".into()).ok()?.as_f64()?;
    // Lengths in JavaScript are exact integers below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(length as u64)
}

/// The words of a thrown value, for the log.
pub fn words(error: &JsValue) -> String {
    let field = |name: &str| js_sys::Reflect::get(error, &name.into()).ok().and_then(|value| value.as_string());
    match (field("name"), field("message")) {
        (Some(name), Some(message)) => format!("{name}: {message}"),
        _ => error.as_string().unwrap_or_else(|| "unknown".to_owned()),
    }
}
