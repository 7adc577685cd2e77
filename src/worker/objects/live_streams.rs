//! The event streams of a feed: `text/event-stream` bodies that messages and heartbeats are written to, until their client is gone or too slow.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use js_sys::Uint8Array;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{ReadableStream, WritableStreamDefaultWriter};
use worker::{Delay, Error, Result};

use crate::live::bounds::{HEARTBEAT_MS, MAX_WAITING};
use crate::live::event::{frame, opening};
use crate::worker::platform::js::IdentityTransformStream;

/// A comment: nothing happens, and the connection stands.
const HEARTBEAT: &str = ": heartbeat\n\n";

struct Listener {
    writer: WritableStreamDefaultWriter,
    /// Messages that its client has not taken.
    waiting: Cell<usize>,
    is_gone: Cell<bool>,
}

impl Listener {
    // Nobody waits for the client: what it has not taken is counted.
    fn write(self: &Rc<Listener>, text: &str) {
        if self.waiting.get() >= MAX_WAITING {
            self.is_gone.set(true);
            let _ = self.writer.abort();
            return;
        }
        self.waiting.set(self.waiting.get().saturating_add(1));
        let written = JsFuture::from(self.writer.write_with_chunk(&Uint8Array::from(text.as_bytes())));
        let held = Rc::clone(self);
        spawn_local(async move {
            let is_gone = written.await.is_err();
            held.waiting.set(held.waiting.get().saturating_sub(1));
            held.is_gone.set(held.is_gone.get() || is_gone);
        });
    }
}

/// See the module.
#[derive(Clone, Default)]
pub struct LiveStreams {
    listeners: Rc<RefCell<Vec<Rc<Listener>>>>,
    number: Rc<Cell<u64>>,
    is_beating: Rc<Cell<bool>>,
}

impl LiveStreams {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.listeners.borrow_mut().retain(|listener| !listener.is_gone.get());
        self.listeners.borrow().len()
    }

    /// A new one: the body of its answer.
    pub fn open(&self) -> Result<ReadableStream> {
        let through = IdentityTransformStream::new().map_err(Error::from)?;
        let writer = through.writable().get_writer().map_err(Error::from)?;
        let listener = Rc::new(Listener { writer, waiting: Cell::new(0), is_gone: Cell::new(false) });
        listener.write(&opening());
        self.listeners.borrow_mut().push(listener);
        self.beat();
        Ok(through.readable())
    }

    /// Sends a message to all.
    pub fn send(&self, message: &str) {
        self.number.set(self.number.get().saturating_add(1));
        if let Some(event) = frame(self.number.get(), message) {
            self.write(&event);
        }
    }

    fn write(&self, text: &str) {
        let all = self.listeners.borrow().clone();
        all.iter().for_each(|listener| listener.write(text));
    }

    /// Writes heartbeats as long as there are streams.
    fn beat(&self) {
        if self.is_beating.replace(true) {
            return;
        }
        let held = self.clone();
        spawn_local(async move {
            while held.count() > 0 {
                Delay::from(Duration::from_millis(HEARTBEAT_MS)).await;
                held.write(HEARTBEAT);
            }
            held.is_beating.set(false);
        });
    }
}
