//! Writes streams and buffers into another stream without bringing bytes into WebAssembly, and tells how much the other side has taken.

use std::cell::Cell;

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, StreamPipeOptions, WritableStream, WritableStreamDefaultWriter};

use crate::delivery::outflow::{BLOCK_BYTES, Step, next_step, of_unfinished};
use crate::worker::platform::js::ByteReader;

/// Least bytes of a block, unless its stream ends: what comes slowly is sent on before a whole block is there.
const LEAST_BYTES: u32 = 64 * 1024;

/// Pipes all of `stream` into `writable` and leaves `writable` open.
///
/// # Errors
/// The error of either side.
pub async fn pipe(stream: &ReadableStream, writable: &WritableStream) -> Result<(), JsValue> {
    let options = StreamPipeOptions::new();
    options.set_prevent_close(true);
    JsFuture::from(stream.pipe_to_with_options(writable, &options)).await.map(|_| ())
}

/// The body of an answer on its way to the client.
pub struct Outflow<Left: Fn(u64) -> bool> {
    writable: WritableStream,
    sent: Cell<u64>,
    billed: Cell<u64>,
    left: Left,
}

impl<Left: Fn(u64) -> bool> Outflow<Left> {
    /// A body that is written into `writable`. `left` is told the bytes to bill of each step, and says whether the body may
    /// go on.
    pub fn new(writable: WritableStream, left: Left) -> Outflow<Left> {
        Outflow { writable, sent: Cell::new(0), billed: Cell::new(0), left }
    }

    /// Writes bytes of WebAssembly.
    ///
    /// # Errors
    /// The client has hung up, or the body may not go on.
    pub async fn text(&self, text: &str) -> Result<(), JsValue> {
        let bytes = u64::try_from(text.len()).unwrap_or_default();
        self.step(bytes, write(&Uint8Array::from(text.as_bytes()), &self.writable)).await
    }

    /// Writes a buffer or a view of one.
    ///
    /// # Errors
    /// The client has hung up, or the body may not go on.
    pub async fn buffer(&self, buffer: JsValue) -> Result<(), JsValue> {
        let view = buffer.dyn_into::<Uint8Array>().unwrap_or_else(|buffer| Uint8Array::new(&buffer));
        let mut at = 0;
        while let Some(Step::Copy(bytes) | Step::Pipe(bytes)) = next_step(self.sent.get(), u64::from(view.length() - at)) {
            // A part of a length that fits.
            let end = at.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
            self.step(bytes, write(&view.subarray(at, end), &self.writable)).await?;
            at = end;
        }
        Ok(())
    }

    /// Writes a stream of `bytes` bytes.
    ///
    /// # Errors
    /// The client has hung up, the body may not go on, or the stream ended early or failed.
    pub async fn stream(&self, stream: &ReadableStream, bytes: u64) -> Result<(), JsValue> {
        let mut rest = bytes;
        let mut block: Option<ArrayBuffer> = None;
        while let Some(step) = next_step(self.sent.get(), rest) {
            let wanted = match step {
                Step::Copy(wanted) => wanted,
                Step::Pipe(bytes) => return self.step(bytes, pipe(stream, &self.writable)).await,
            };
            let buffer = block.take().unwrap_or_else(|| ArrayBuffer::new(BLOCK_BYTES));
            let copied = async {
                let reader = ByteReader::of(stream)?;
                let view = Uint8Array::new_with_byte_offset_and_length(&buffer, 0, u32::try_from(wanted).unwrap_or(BLOCK_BYTES));
                let got = reader.read(LEAST_BYTES.min(view.length()), &view).await;
                reader.release();
                got?.filter(|got| got.length() > 0).ok_or_else(|| JsValue::from_str("the stream ended early"))
            };
            let got = match copied.await {
                Ok(got) => got,
                Err(reason) => {
                    let _ = stream.cancel();
                    return Err(reason);
                }
            };
            let bytes = u64::from(got.length());
            if let Err(reason) = self.step(bytes, write(&got, &self.writable)).await {
                let _ = stream.cancel_with_reason(&reason);
                return Err(reason);
            }
            rest = rest.saturating_sub(bytes);
            // The buffer moves through the reader and comes back with the bytes.
            block = Some(got.buffer());
        }
        Ok(())
    }

    /// Bytes that were billed so far.
    pub fn billed(&self) -> u64 {
        self.billed.get()
    }

    /// Ends the body.
    ///
    /// # Errors
    /// The client has hung up, or bytes are missing.
    pub async fn close(self) -> Result<(), JsValue> {
        JsFuture::from(self.writable.close()).await.map(|_| ())
    }

    async fn step(&self, bytes: u64, written: impl Future<Output = Result<(), JsValue>>) -> Result<(), JsValue> {
        let written = written.await;
        let left = if written.is_ok() { bytes } else { of_unfinished(bytes) };
        self.billed.set(self.billed.get().saturating_add(left));
        let goes_on = (self.left)(left);
        self.sent.set(self.sent.get().saturating_add(bytes));
        if goes_on { written } else { written.and(Err(JsValue::from_str("bandwidth-exceeded"))) }
    }
}

async fn write(bytes: &Uint8Array, writable: &WritableStream) -> Result<(), JsValue> {
    let writer: WritableStreamDefaultWriter = writable.get_writer()?;
    let written = JsFuture::from(writer.write_with_chunk(bytes)).await;
    writer.release_lock();
    written.map(|_| ())
}
