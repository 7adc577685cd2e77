//! A client's body that is sent on while it is kept, so that it can be sent again: the two legs, to this data centre and to the store, overlap. The bytes stay in
//! JavaScript.
//!
//! A `tee()` would do the same natively, but its memory could not be given back when the client turns out to be slow.

use std::cell::{Cell, RefCell};
use std::pin::pin;

use futures_util::future::{Either, select};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, WritableStreamDefaultWriter};

use crate::base::body_pace::{STEP, longest_ms, patience_ms};
use crate::base::memory_budget::MemoryPermit;
use crate::base::time::EpochMs;
use crate::io::body::Kept;
use crate::services::send_body::STALL_MS;
use crate::worker::platform::client_body::DRAIN_MS;
use crate::worker::platform::clock;
use crate::worker::platform::js::FixedLengthStream;
use crate::worker::platform::read_body::{byte_reader, bytes_of, index, next, short};

/// What came of a body that was sent on.
pub enum Sent<T> {
    /// The other side's outcome, and the bytes if all have come at the pace of [`crate::base::body_pace`].
    Answered(T, Option<Kept<JsValue>>),
    /// The body has come whole and the other side has said nothing for the given time.
    Silent(Kept<JsValue>),
    /// The client's body broke off.
    Lost,
}

/// A body on its way.
struct Passage {
    size: u64,
    /// What has come, until the client turns out to be slow.
    kept: RefCell<Option<(Uint8Array, MemoryPermit)>>,
    /// Whether the body broke off.
    lost: Cell<bool>,
}

/// Sends `stream`, of `size` bytes, on: `send` gets a stream of that length. An outcome that is `final` ends the keeping; what the client still sends is then read
/// and dropped, so that it gets to read the answer.
///
/// # Errors
/// What the runtime throws.
pub async fn send_and_keep<T>(
    stream: ReadableStream,
    size: u64,
    permit: MemoryPermit,
    answer_ms: u32,
    send: impl AsyncFnOnce(ReadableStream) -> T,
    is_final: impl Fn(&T) -> bool,
) -> Result<Sent<T>, JsValue> {
    let through = FixedLengthStream::new(size as f64)?;
    let (readable, writer) = (through.readable(), through.writable().get_writer()?);
    let received = Uint8Array::new_with_length(index(size)?);
    let passage = Passage { size, kept: RefCell::new(Some((received, permit))), lost: Cell::new(false) };
    let sent = pin!(send(readable));
    let passed = pin!(passage.pass(stream, &writer));
    match select(sent, passed).await {
        Either::Left((outcome, passed)) => {
            if is_final(&outcome) {
                // What still comes is not kept.
                passage.kept.take();
                let _ = clock::within(DRAIN_MS, passed).await;
                return Ok(Sent::Answered(outcome, None));
            }
            // Kept at the client's pace, or, if it is slow, read into nothing within the bound.
            let mut passed = passed;
            while passage.is_kept() {
                if clock::within(DRAIN_MS, &mut passed).await.is_some() {
                    return Ok(passage.ended(|kept| Sent::Answered(outcome, kept)));
                }
            }
            let _ = clock::within(DRAIN_MS, passed).await;
            Ok(passage.ended(|_| Sent::Answered(outcome, None)))
        }
        Either::Right(((), sent)) => {
            // The store keeps nothing of a body that is shorter than it was told.
            if passage.lost.get() {
                return Ok(Sent::Lost);
            }
            if !passage.is_kept() {
                return Ok(Sent::Answered(sent.await, None));
            }
            let outcome = clock::within(answer_ms, sent).await;
            let kept = passage.take();
            Ok(match (outcome, kept) {
                (Some(outcome), kept) => Sent::Answered(outcome, kept),
                (None, Some(kept)) => Sent::Silent(kept),
                (None, None) => Sent::Lost,
            })
        }
    }
}

impl Passage {
    fn is_kept(&self) -> bool {
        self.kept.borrow().is_some()
    }

    fn take(&self) -> Option<Kept<JsValue>> {
        self.kept.take().map(|(received, permit)| Kept { buffer: received.buffer().into(), permit })
    }

    fn ended<T>(&self, answered: impl FnOnce(Option<Kept<JsValue>>) -> Sent<T>) -> Sent<T> {
        if self.lost.get() { Sent::Lost } else { answered(self.take()) }
    }

    async fn pass(&self, stream: ReadableStream, writer: &WritableStreamDefaultWriter) {
        if let Err(reason) = self.pass_all(stream, writer).await {
            self.lost.set(true);
            self.kept.take();
            let _ = writer.abort_with_reason(&reason);
        }
    }

    /// Fails if the client's body breaks off.
    async fn pass_all(&self, stream: ReadableStream, writer: &WritableStreamDefaultWriter) -> Result<(), JsValue> {
        let started = clock::now();
        // The permit is for so long.
        let deadline = started.plus(longest_ms(self.size).saturating_add(STALL_MS.into()));
        let reader = byte_reader(stream)?;
        // The buffer of a pending read is detached, so what has come is copied out of it.
        let mut staging = Uint8Array::new_with_length(index(STEP.min(self.size))?);
        let (mut at, mut is_open) = (0, true);
        while at < self.size {
            let step = STEP.min(self.size - at);
            let pending = next(&reader, &staging, step)?;
            let mut read = None;
            if self.is_kept() {
                read = clock::within(patience_ms(step, clock::now().since(started)), JsFuture::from(pending.clone())).await;
                if read.is_none() {
                    // A slow client costs no memory: its body is streamed on, and can not be sent again.
                    self.kept.take();
                }
            }
            let read = match read {
                Some(read) => read?,
                None => JsFuture::from(pending).await?,
            };
            let bytes = bytes_of(&read)?;
            if u64::from(bytes.length()) != step {
                return Err(short());
            }
            if let Some((received, _)) = self.kept.borrow().as_ref() {
                received.set(&bytes, index(at)?);
            }
            at += step;
            staging = bytes;
            if is_open && !self.taken(writer, writer.write_with_chunk(&staging), deadline).await {
                is_open = false;
                // The other side may still look at the old one.
                staging = Uint8Array::new_with_length(staging.length());
            }
        }
        if is_open {
            self.taken(writer, writer.close(), deadline).await;
        }
        Ok(())
    }

    /// Whether the other side has taken what `written` is the writing of.
    async fn taken(&self, writer: &WritableStreamDefaultWriter, written: Promise, deadline: EpochMs) -> bool {
        let written = JsFuture::from(written);
        if clock::now() > deadline {
            // A store that takes it slowly costs no memory, either.
            self.kept.take();
        }
        if !self.is_kept() {
            return written.await.is_ok();
        }
        match clock::within(STALL_MS, written).await {
            Some(written) => written.is_ok(),
            None => {
                let _ = writer.abort_with_reason(&JsValue::from_str("the other side takes nothing"));
                false
            }
        }
    }
}
