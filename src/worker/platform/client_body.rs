//! A client's body on its way to the store. It passes through a stream of known length, so that what a store leaves unread that answers early can be read here:
//! otherwise the runtime closes the connection on a client that is still sending, and the client never reads the answer.

use std::cell::RefCell;

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, StreamPipeOptions};

use crate::worker::platform::clock::within;
use crate::worker::platform::js::{DigestStream, FixedLengthStream};

/// Maximum wait for the store's side to let go of the body, ms.
const RELEASE_MS: u32 = 10_000;

/// Maximum time for reading what the store left, ms. A client that needs longer finds its connection closed.
pub const DRAIN_MS: u32 = 30_000;

/// The body of a request, of known length.
#[derive(Debug)]
pub struct ClientBody {
    source: ReadableStream,
    passed_on: ReadableStream,
    passing: RefCell<Option<JsFuture>>,
}

impl ClientBody {
    /// Begins to pass on `source`, of `bytes` bytes.
    ///
    /// # Errors
    /// The stream is in use.
    pub fn new(source: ReadableStream, bytes: u64) -> Result<ClientBody, JsValue> {
        let through = FixedLengthStream::new(bytes as f64)?;
        let options = StreamPipeOptions::new();
        options.set_prevent_cancel(true);
        let passing = RefCell::new(Some(JsFuture::from(source.pipe_to_with_options(&through.writable(), &options))));
        Ok(ClientBody { source, passed_on: through.readable(), passing })
    }

    /// The stream to send.
    pub fn passed_on(&self) -> JsValue {
        self.passed_on.clone().into()
    }

    /// Reads the rest that was not passed on, within bounds.
    pub async fn drain(&self) {
        let Some(passing) = self.passing.borrow_mut().take() else { return };
        // Ends with an error when the store's side was given up, and well if the client had sent everything.
        if within(RELEASE_MS, passing).await.is_none_or(|ended| ended.is_ok()) || self.source.locked() {
            return;
        }
        // A sink of the runtime's own that takes everything and keeps nothing.
        if let Ok(sink) = DigestStream::new("SHA-1") {
            let _ = within(DRAIN_MS, JsFuture::from(self.source.pipe_to(sink.unchecked_ref()))).await;
        }
    }
}
