//! Pipes one stream into another.

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, StreamPipeOptions, WritableStream};

/// All of `stream`, natively; `writable` stays open.
///
/// # Errors
/// What either side ended with.
pub async fn pipe(stream: &ReadableStream, writable: &WritableStream) -> Result<(), JsValue> {
    let options = StreamPipeOptions::new();
    options.set_prevent_close(true);
    JsFuture::from(stream.pipe_to_with_options(writable, &options)).await.map(|_| ())
}
