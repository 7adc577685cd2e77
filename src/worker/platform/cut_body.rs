//! A client's body that is cut into pieces one after another. The bytes stay in JavaScript.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::problem::Problem;
use crate::services::request::lost;
use crate::worker::platform::client_body::DRAIN_MS;
use crate::worker::platform::clock::within;
use crate::worker::platform::read_body::{Body, ByteStreamReader, byte_reader, each_of, read_from};

/// The body of a request, of known length.
pub struct CutBody {
    reader: Option<ByteStreamReader>,
    left: u64,
}

impl CutBody {
    /// The body `stream`, of `size` bytes.
    ///
    /// # Errors
    /// 400 for a body that did not arrive.
    pub fn new(stream: Option<ReadableStream>, size: u64) -> Result<CutBody, Problem> {
        let reader = stream.map(byte_reader).transpose().map_err(|_| lost())?;
        Ok(CutBody { reader, left: size })
    }

    /// Bytes that were not read.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next `bytes` bytes as an ArrayBuffer. For pieces with a permit.
    ///
    /// # Errors
    /// 400 if there are fewer, 408 if they come too slowly.
    pub async fn piece(&mut self, bytes: u64) -> Result<JsValue, Problem> {
        let reader = self.take(bytes)?;
        match read_from(reader, bytes).await.map_err(|_| lost())? {
            Body::Whole(buffer) => Ok(buffer),
            Body::Slow => Err(Problem::BodyTooSlow),
        }
    }

    /// The next `bytes` bytes, in WebAssembly: heads and records, never bytes of a file.
    ///
    /// # Errors
    /// As [`CutBody::piece`].
    pub async fn text(&mut self, bytes: u64) -> Result<Vec<u8>, Problem> {
        Ok(Uint8Array::new(&self.piece(bytes).await?).to_vec())
    }

    /// Reads past the next `bytes` bytes.
    ///
    /// # Errors
    /// As [`CutBody::piece`].
    pub async fn skip(&mut self, bytes: u64) -> Result<(), Problem> {
        if bytes == 0 {
            return Ok(());
        }
        let reader = self.take(bytes)?;
        if each_of(reader, bytes, |_, _| Ok(())).await.map_err(|_| lost())? { Ok(()) } else { Err(Problem::BodyTooSlow) }
    }

    /// Reads what is left, within bounds: the runtime closes the connection on a client that is still sending, and it never reads its answer.
    pub async fn drain(mut self) {
        let left = self.left;
        let _ = within(DRAIN_MS, self.skip(left)).await;
    }

    fn take(&mut self, bytes: u64) -> Result<&ByteStreamReader, Problem> {
        self.left = self.left.checked_sub(bytes).ok_or_else(lost)?;
        self.reader.as_ref().ok_or_else(lost)
    }
}
