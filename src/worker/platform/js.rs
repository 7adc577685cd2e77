//! JavaScript APIs that `worker` and `web-sys` do not offer, or not in the form that the hot paths need, such as fetch(url, init) without an
//! intermediate Request.

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

    /// The runtime's digest of buffered bytes.
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = digest, catch)]
    fn subtle_digest(algorithm: &str, data: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import_key(format: &str, key: &Uint8Array, algorithm: &JsValue, extractable: bool, usages: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = sign, catch)]
    fn subtle_sign(algorithm: &str, key: &JsValue, data: &JsValue) -> Result<Promise, JsValue>;

    /// The runtime's digest of a stream (Workers documentation, "Web Crypto", DigestStream): a WritableStream that buffers nothing.
    #[wasm_bindgen(js_namespace = crypto)]
    pub type DigestStream;

    /// A stream for the algorithm.
    #[wasm_bindgen(constructor, js_namespace = crypto, catch)]
    pub fn new(algorithm: &str) -> Result<DigestStream, JsValue>;

    /// The digest; resolves after the stream is closed.
    #[wasm_bindgen(method, getter)]
    pub fn digest(this: &DigestStream) -> Promise;

    /// A reader of a stream (Streams standard, "ReadableStreamDefaultReader").
    #[wasm_bindgen(js_name = ReadableStreamDefaultReader)]
    pub type StreamReader;

    /// Locks the stream.
    #[wasm_bindgen(constructor, js_class = "ReadableStreamDefaultReader", catch)]
    pub fn new(stream: &web_sys::ReadableStream) -> Result<StreamReader, JsValue>;

    /// `{done, value}` with the next chunk.
    #[wasm_bindgen(method, js_class = "ReadableStreamDefaultReader", catch)]
    fn read(this: &StreamReader) -> Result<Promise, JsValue>;

    /// Cancels the stream, so that its connection is released.
    #[wasm_bindgen(method, js_class = "ReadableStreamDefaultReader", catch)]
    pub fn cancel(this: &StreamReader) -> Result<Promise, JsValue>;

    /// A stream of known length, so that a response with this body has a Content-Length (Workers documentation, "TransformStream").
    pub type FixedLengthStream;

    /// A stream of `bytes` bytes.
    #[wasm_bindgen(constructor, catch)]
    pub fn new(bytes: f64) -> Result<FixedLengthStream, JsValue>;

    /// The readable side.
    #[wasm_bindgen(method, getter)]
    pub fn readable(this: &FixedLengthStream) -> web_sys::ReadableStream;

    /// The writable side.
    #[wasm_bindgen(method, getter)]
    pub fn writable(this: &FixedLengthStream) -> web_sys::WritableStream;

    /// A stream of any length whose writes wait until they are read (Workers documentation, "IdentityTransformStream").
    pub type IdentityTransformStream;

    /// An empty one.
    #[wasm_bindgen(constructor, catch)]
    pub fn new() -> Result<IdentityTransformStream, JsValue>;

    /// The readable side.
    #[wasm_bindgen(method, getter)]
    pub fn readable(this: &IdentityTransformStream) -> web_sys::ReadableStream;

    /// The writable side.
    #[wasm_bindgen(method, getter)]
    pub fn writable(this: &IdentityTransformStream) -> web_sys::WritableStream;

    /// A reader that fills buffers (Workers documentation, "ReadableStream BYOBReader").
    type ReadableStreamByobReader;

    /// Reads at least `least` bytes unless the stream ends before: `{value, done}`.
    #[wasm_bindgen(method, js_name = readAtLeast, catch)]
    fn read_at_least(this: &ReadableStreamByobReader, least: u32, view: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, js_name = releaseLock)]
    fn release_lock(this: &ReadableStreamByobReader);

    /// The PoP's cache (Workers documentation, "Cache").
    #[derive(Clone)]
    pub type Cache;

    /// The cached response of the key, or undefined.
    #[wasm_bindgen(method, js_name = match, catch)]
    pub fn find(this: &Cache, key: &JsValue) -> Result<Promise, JsValue>;

    /// Stores a response.
    #[wasm_bindgen(method, catch)]
    pub fn put(this: &Cache, key: &str, response: &web_sys::Response) -> Result<Promise, JsValue>;

    /// Deletes an entry in this PoP.
    #[wasm_bindgen(method, catch)]
    pub fn delete(this: &Cache, key: &str) -> Result<Promise, JsValue>;

    /// A KV namespace (Workers documentation, "KV").
    pub type Kv;

    /// `{value, metadata}`, the value in the given type (`text`, `arrayBuffer`, `stream`).
    #[wasm_bindgen(method, js_name = getWithMetadata, catch)]
    pub fn get(this: &Kv, key: &str, form: &str) -> Result<Promise, JsValue>;

    /// Stores a value.
    #[wasm_bindgen(method, js_name = put, catch)]
    pub fn put(this: &Kv, key: &str, value: &JsValue, options: &JsValue) -> Result<Promise, JsValue>;

    /// Deletes a key; eventually consistent in other locations.
    #[wasm_bindgen(method, js_name = delete, catch)]
    pub fn delete(this: &Kv, key: &str) -> Result<Promise, JsValue>;

    /// A Durable Object stub, or anything else with a fetch method.
    pub type Fetcher;

    /// Its fetch method.
    #[wasm_bindgen(method, catch)]
    pub fn fetch(this: &Fetcher, url: &str, init: &web_sys::RequestInit) -> Result<Promise, JsValue>;
}

/// The WebSocket of an answer that switches protocols (Workers documentation, "WebSockets").
pub fn socket_of(response: &web_sys::Response) -> JsValue {
    js_sys::Reflect::get(response, &"webSocket".into()).unwrap_or_default()
}

impl StreamReader {
    /// The next chunk, or None behind the last one. The bytes stay in JavaScript.
    ///
    /// # Errors
    /// What the stream ended with.
    pub async fn chunk(&self) -> Result<Option<Uint8Array>, JsValue> {
        let next = JsFuture::from(self.read()?).await?;
        if js_sys::Reflect::get(&next, &"done".into())?.is_truthy() {
            return Ok(None);
        }
        Ok(Some(Uint8Array::new(&js_sys::Reflect::get(&next, &"value".into())?)))
    }
}

/// Reads a stream into buffers that stay in JavaScript. The stream is locked until [`ByteReader::release`].
pub struct ByteReader(ReadableStreamByobReader);

impl ByteReader {
    /// A reader of `stream`.
    ///
    /// # Errors
    /// What the runtime throws: the stream is locked, or not one of bytes.
    pub fn of(stream: &web_sys::ReadableStream) -> Result<ByteReader, JsValue> {
        let options = web_sys::ReadableStreamGetReaderOptions::new();
        options.set_mode(web_sys::ReadableStreamReaderMode::Byob);
        Ok(ByteReader(JsCast::unchecked_into(stream.get_reader_with_options(&options))))
    }

    /// Fills `view` with at least `least` bytes, fewer only at the end of the stream; None after it. The view's buffer is moved into the returned view.
    ///
    /// # Errors
    /// The stream's error.
    pub async fn read(&self, least: u32, view: &Uint8Array) -> Result<Option<Uint8Array>, JsValue> {
        let read = JsFuture::from(self.0.read_at_least(least, view)?).await?;
        Ok(js_sys::Reflect::get(&read, &"value".into())?.dyn_into().ok())
    }

    /// Unlocks the stream.
    pub fn release(self) {
        self.0.release_lock();
    }
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

/// Several ArrayBuffers as one array, without the last `drop_last` bytes of each. The bytes stay in JavaScript.
pub fn concatenated(buffers: &[JsValue], drop_last: u32) -> Uint8Array {
    let arrays: Vec<Uint8Array> = buffers.iter().map(Uint8Array::new).collect();
    let cut: Vec<Uint8Array> = arrays.iter().map(|array| array.subarray(0, array.length().saturating_sub(drop_last))).collect();
    let all = Uint8Array::new_with_length(cut.iter().map(Uint8Array::length).sum());
    let mut at = 0;
    for array in &cut {
        all.set(array, at);
        at += array.length();
    }
    all
}

thread_local! {
    /// May be shared between requests, because it belongs to the isolate.
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

/// Header fields, in one call to JavaScript: field by field, 20 fields would need 40 string conversions.
///
/// # Errors
/// What the runtime throws.
pub fn headers(fields: &[(&'static str, String)]) -> Result<Headers, JsValue> {
    let text = crate::base::json::write(&fields).map_err(|error| JsValue::from_str(&error.to_string()))?;
    Headers::new_with_str_sequence_sequence(&js_sys::JSON::parse(&text)?)
}

/// Bytes `from..=to` of an ArrayBuffer, not copied.
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

/// The text of a thrown value, for the log.
pub fn error_text(error: &JsValue) -> String {
    let field = |name: &str| js_sys::Reflect::get(error, &name.into()).ok().and_then(|value| value.as_string());
    match (field("name"), field("message")) {
        (Some(name), Some(message)) => format!("{name}: {message}"),
        _ => error.as_string().unwrap_or_else(|| "unknown".to_owned()),
    }
}
