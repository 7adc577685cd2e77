//! Pipes one stream into another without bringing bytes into WebAssembly.

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, StreamPipeOptions, WritableStream};

/// Pipes all of `stream` into `writable` and leaves `writable` open.
///
/// # Errors
/// The error of either side.
pub async fn pipe(stream: &ReadableStream, writable: &WritableStream) -> Result<(), JsValue> {
    let options = StreamPipeOptions::new();
    options.set_prevent_close(true);
    JsFuture::from(stream.pipe_to_with_options(writable, &options)).await.map(|_| ())
}
