//! Reads a body whole within a pace, or a text within a bound. The bytes stay in JavaScript.
//!
//! `arrayBuffer()` would hold the memory for as long as the other side likes, and an answer without a length would have no bound.

use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;

use crate::base::body_pace::{STEP, patience_ms};
use crate::worker::platform::clock;

#[wasm_bindgen]
extern "C" {
    /// A stream of bytes: web-sys has its readers without `readAtLeast`.
    type ByteStream;

    /// Its reader; `options` has the mode `byob`.
    #[wasm_bindgen(method, js_name = getReader, catch)]
    fn reader(this: &ByteStream, options: &JsValue) -> Result<ByteStreamReader, JsValue>;

    /// A reader into the caller's buffers (Workers documentation, "ReadableStreamBYOBReader").
    pub(super) type ByteStreamReader;

    /// `{value, done}`: resolves when `bytes` bytes are there, or fewer at the end. `into` is detached; `value` has its memory.
    #[wasm_bindgen(method, js_name = readAtLeast, catch)]
    fn read_at_least(this: &ByteStreamReader, bytes: f64, into: &Uint8Array) -> Result<Promise, JsValue>;

    /// Gives the stream back.
    #[wasm_bindgen(method, js_name = releaseLock)]
    pub(super) fn release_lock(this: &ByteStreamReader);

    /// Cancels the stream.
    #[wasm_bindgen(method, catch)]
    fn cancel(this: &ByteStreamReader) -> Result<Promise, JsValue>;
}

/// A body that was asked for whole.
pub enum Body {
    /// All its bytes, in an ArrayBuffer.
    Whole(JsValue),
    /// It comes slower than the pace, and was given up.
    Slow,
}

/// Reads `size` bytes of `stream`, at the pace of [`crate::base::body_pace`].
///
/// # Errors
/// What the runtime throws; a text if the body is shorter.
pub async fn read(stream: ReadableStream, size: u64) -> Result<Body, JsValue> {
    read_from(&byte_reader(stream)?, size).await
}

/// The same of the next `size` bytes of what a reader reads. What is slow is canceled.
pub(super) async fn read_from(reader: &ByteStreamReader, size: u64) -> Result<Body, JsValue> {
    let received = Uint8Array::new_with_length(index(size)?);
    let whole = each_of(reader, size, |at, bytes| {
        received.set(bytes, index(at)?);
        Ok(())
    });
    Ok(if whole.await? { Body::Whole(received.buffer().into()) } else { Body::Slow })
}

/// Reads the next `size` bytes piece by piece: false if they come too slowly.
pub(super) async fn each_of(
    reader: &ByteStreamReader,
    size: u64,
    mut take: impl FnMut(u64, &Uint8Array) -> Result<(), JsValue>,
) -> Result<bool, JsValue> {
    let started = clock::now();
    // Reads go through one small buffer that is used again and again, because the buffer of a pending read is detached.
    let mut staging = Uint8Array::new_with_length(index(STEP.min(size))?);
    let mut at = 0;
    while at < size {
        let step = STEP.min(size - at);
        let pending = next(reader, &staging, step)?;
        let wait_ms = patience_ms(step, clock::now().since(started));
        let Some(read) = clock::within(wait_ms, JsFuture::from(pending)).await else {
            let _ = reader.cancel();
            return Ok(false);
        };
        let bytes = bytes_of(&read?)?;
        if u64::from(bytes.length()) != step {
            return Err(short());
        }
        take(at, &bytes)?;
        staging = bytes;
        at += step;
    }
    Ok(true)
}

/// Reads a stream to its end: None if it has more than `limit` bytes.
///
/// # Errors
/// What the runtime throws.
pub async fn read_up_to(stream: ReadableStream, limit: u64) -> Result<Option<Vec<u8>>, JsValue> {
    let reader = byte_reader(stream)?;
    let mut staging = Uint8Array::new_with_length(index(STEP.min(limit.saturating_add(1)))?);
    let mut text = Vec::new();
    loop {
        let step = u64::from(staging.buffer().byte_length());
        let read = JsFuture::from(next(&reader, &staging, step)?).await?;
        let bytes = bytes_of(&read)?;
        text.extend_from_slice(&bytes.to_vec());
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > limit {
            let _ = reader.cancel();
            return Ok(None);
        }
        if u64::from(bytes.length()) < step {
            return Ok(Some(text));
        }
        staging = bytes;
    }
}

pub(super) fn byte_reader(stream: ReadableStream) -> Result<ByteStreamReader, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"mode".into(), &"byob".into())?;
    stream.unchecked_into::<ByteStream>().reader(&options)
}

/// Reads `bytes` bytes into the memory of `staging`.
pub(super) fn next(reader: &ByteStreamReader, staging: &Uint8Array, bytes: u64) -> Result<Promise, JsValue> {
    reader.read_at_least(bytes as f64, &Uint8Array::new_with_byte_offset_and_length(&staging.buffer(), 0, index(bytes)?))
}

/// Reads at least one of `bytes` bytes into the memory of `staging`.
pub(super) fn some(reader: &ByteStreamReader, staging: &Uint8Array, bytes: u64) -> Result<Promise, JsValue> {
    reader.read_at_least(1.0, &Uint8Array::new_with_byte_offset_and_length(&staging.buffer(), 0, index(bytes)?))
}

/// The bytes of a read; none at the end of the stream.
pub(super) fn bytes_of(read: &JsValue) -> Result<Uint8Array, JsValue> {
    let value = Reflect::get(read, &"value".into())?;
    Ok(value.dyn_into().unwrap_or_else(|_| Uint8Array::new_with_length(0)))
}

pub(super) fn short() -> JsValue {
    JsValue::from_str("the body is shorter than its Content-Length")
}

pub(super) fn index(bytes: u64) -> Result<u32, JsValue> {
    u32::try_from(bytes).map_err(|_| JsValue::from_str("a body of 4 GiB or more"))
}
