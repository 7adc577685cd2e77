//! A client's body on its way to the store. It passes through a stream of known length, so that what a store leaves unread that answers early can be read here:
//! otherwise the runtime closes the connection on a client that is still sending, and the client never reads the answer.

use std::pin::pin;

use futures_util::future::{Either, select};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, StreamPipeOptions, WritableStream};

use crate::worker::platform::clock::within;
use crate::worker::platform::js::{DigestStream, FixedLengthStream};
use crate::worker::platform::read_body::{byte_reader, bytes_of, index, next, short};

/// Maximum wait for the store's side to let go of the body, ms.
const RELEASE_MS: u32 = 10_000;

/// Maximum time for reading what the store left, ms. A client that needs longer finds its connection closed.
pub const DRAIN_MS: u32 = 30_000;

/// The beginning of a body that is passed on piece by piece, bytes: more than is on its way when a store refuses it by its head. A pipe of the runtime's, which
/// costs less for each byte, takes the client's stream with it when the store closes its connection, and nothing can be read of it any more.
const BEGINNING: u64 = 8 << 20;

/// Bytes of a piece. With 64 KB, parts of 50 MB took 10 % longer than by a pipe alone.
const PIECE: u64 = 262_144;

/// The body of a request, of known length.
#[derive(Debug)]
pub struct ClientBody {
    source: ReadableStream,
    bytes: u64,
    writable: WritableStream,
    passed_on: ReadableStream,
}

impl ClientBody {
    /// The body `source`, of `bytes` bytes.
    ///
    /// # Errors
    /// The runtime's.
    pub fn new(source: ReadableStream, bytes: u64) -> Result<ClientBody, JsValue> {
        let through = FixedLengthStream::new(bytes as f64)?;
        Ok(ClientBody { source, bytes, writable: through.writable(), passed_on: through.readable() })
    }

    /// The stream to send.
    pub fn passed_on(&self) -> JsValue {
        self.passed_on.clone().into()
    }

    /// Passes the body on while `send` sends the stream that it gets. If that fails, the rest is read, within bounds.
    pub async fn sent_by<T, E>(&self, send: impl AsyncFnOnce(JsValue) -> Result<T, E>) -> Result<T, E> {
        let sent = pin!(send(self.passed_on()));
        let passed = pin!(self.pass());
        let (outcome, passed) = match select(sent, passed).await {
            Either::Left((outcome, passed)) if outcome.is_err() => (outcome, within(RELEASE_MS, passed).await),
            Either::Left((outcome, _)) => (outcome, None),
            Either::Right((passed, sent)) => (sent.await, Some(passed)),
        };
        if outcome.is_err() && passed.is_some_and(|passed| passed.is_err()) && !self.source.locked() {
            self.drain().await;
        }
        outcome
    }

    /// Fails if the store's side was given up, or the client's broke off.
    async fn pass(&self) -> Result<(), JsValue> {
        let writer = self.writable.get_writer()?;
        let reader = byte_reader(self.source.clone())?;
        let beginning = BEGINNING.min(self.bytes);
        let (mut at, mut outcome) = (0, Ok(()));
        let mut staging = Uint8Array::new_with_length(index(PIECE.min(self.bytes))?);
        while outcome.is_ok() && at < beginning {
            let step = PIECE.min(beginning - at);
            let piece = bytes_of(&JsFuture::from(next(&reader, &staging, step)?).await?)?;
            if u64::from(piece.length()) != step {
                let _ = writer.abort_with_reason(&short());
                return Err(short());
            }
            at += step;
            outcome = JsFuture::from(writer.write_with_chunk(&piece)).await.map(|_| ());
            staging = piece;
        }
        if outcome.is_ok() && at == self.bytes {
            outcome = JsFuture::from(writer.close()).await.map(|_| ());
        }
        reader.release_lock();
        writer.release_lock();
        outcome?;
        if at == self.bytes {
            return Ok(());
        }
        let options = StreamPipeOptions::new();
        options.set_prevent_cancel(true);
        JsFuture::from(self.source.pipe_to_with_options(&self.writable, &options)).await.map(|_| ())
    }

    /// Reads the rest that was not passed on.
    async fn drain(&self) {
        // A sink of the runtime's own that takes everything and keeps nothing.
        if let Ok(sink) = DigestStream::new("SHA-1") {
            let _ = within(DRAIN_MS, JsFuture::from(self.source.pipe_to(sink.unchecked_ref()))).await;
        }
    }
}
