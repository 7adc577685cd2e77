//! A client's body that is cut into pieces while it comes, at whatever pace, with or without a Content-Length. The bytes stay in JavaScript.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, WritableStream, WritableStreamDefaultWriter};

use crate::problem::Problem;
use crate::resumable::checksum::Checksum;
use crate::services::request::lost;
use crate::services::uploads::append::{CUT_MS, End, Piece, Source};
use crate::worker::platform::clock;
use crate::worker::platform::clock::within;
use crate::worker::platform::js::DigestStream;
use crate::worker::platform::read_body::{ByteStreamReader, byte_reader, bytes_of, index, some};

/// Bytes of one read.
const STEP: u64 = 256_000;

/// How many cuts in a row may bring nothing before the body counts as broken off.
const MOST_SILENT: u32 = 2;

/// The body of a request.
pub struct AppendBody {
    reader: Option<ByteStreamReader>,
    /// A read that was under way when a cut ended.
    pending: Option<Promise>,
    silent: u32,
    arrived: Rc<Cell<u64>>,
    checked: Option<(Checksum, Digest)>,
}

struct Digest {
    stream: DigestStream,
    writer: WritableStreamDefaultWriter,
}

impl AppendBody {
    /// The body `stream`, which has to have that checksum.
    ///
    /// # Errors
    /// 400 for a body that did not arrive.
    pub fn new(stream: Option<ReadableStream>, checksum: Option<Checksum>) -> Result<AppendBody, Problem> {
        let digest = |checksum: Checksum| {
            let stream = DigestStream::new(checksum.algorithm).map_err(|_| lost())?;
            let writer = stream.unchecked_ref::<WritableStream>().get_writer().map_err(|_| lost())?;
            Ok((checksum, Digest { stream, writer }))
        };
        Ok(AppendBody {
            reader: stream.map(byte_reader).transpose().map_err(|_| lost())?,
            pending: None,
            silent: 0,
            arrived: Rc::default(),
            checked: checksum.map(digest).transpose()?,
        })
    }

    /// Reads until the buffer is full from `at` on, the body ends or the time is over: how far it is filled.
    async fn read(&mut self, buffer: &Uint8Array, mut at: u64, until: u64) -> Result<(u64, End), JsValue> {
        let Some(reader) = &self.reader else { return Ok((at, End::Whole)) };
        let deadline = clock::now().plus(CUT_MS);
        let mut staging = Uint8Array::new_with_length(index(STEP.min(until.saturating_sub(at)))?);
        while at < until {
            let pending = match self.pending.take() {
                Some(pending) => pending,
                None => some(reader, &staging, STEP.min(until - at))?,
            };
            let left = deadline.since(clock::now());
            let Some(read) = within(u32::try_from(left).unwrap_or(u32::MAX), JsFuture::from(pending.clone())).await else {
                self.pending = Some(pending);
                return Ok((at, End::More));
            };
            // The client's connection has ended.
            let Ok(read) = read else { return Ok((at, End::Broken)) };
            let bytes = bytes_of(&read)?;
            if bytes.length() == 0 {
                return Ok((at, End::Whole));
            }
            buffer.set(&bytes, index(at)?);
            at = at.saturating_add(u64::from(bytes.length()));
            self.arrived.set(self.arrived.get().saturating_add(u64::from(bytes.length())));
            if let Some((_, digest)) = &self.checked {
                JsFuture::from(digest.writer.write_with_chunk(&bytes)).await?;
            }
            staging = Uint8Array::new(&bytes.buffer());
        }
        Ok((at, End::More))
    }
}

impl Source<JsValue> for AppendBody {
    async fn next(&mut self, lead: u64, most: u64) -> Result<Piece<JsValue>, Problem> {
        let whole = lead.saturating_add(most);
        let buffer = Uint8Array::new_with_length(index(whole).map_err(|_| Problem::Internal)?);
        let (at, mut end) = self.read(&buffer, lead, whole).await.map_err(|_| lost())?;
        let bytes = at.saturating_sub(lead);
        self.silent = if bytes == 0 && end == End::More { self.silent.saturating_add(1) } else { 0 };
        if self.silent >= MOST_SILENT {
            end = End::Broken;
        }
        let filled = if at == whole { buffer } else { buffer.subarray(0, index(at).map_err(|_| Problem::Internal)?) };
        Ok(Piece { buffer: filled.into(), bytes, end })
    }

    fn arrived(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.arrived)
    }

    fn behind(&self, buffer: &JsValue, lead: u64) -> Result<JsValue, Problem> {
        let view: &Uint8Array = buffer.dyn_ref().ok_or(Problem::Internal)?;
        Ok(view.subarray(index(lead).map_err(|_| Problem::Internal)?, view.length()).into())
    }

    fn fill(&self, buffer: &JsValue, at: u64, bytes: &JsValue) -> Result<(), Problem> {
        let view: &Uint8Array = buffer.dyn_ref().ok_or(Problem::Internal)?;
        let bytes = Uint8Array::new(bytes);
        let end = at.saturating_add(u64::from(bytes.length()));
        if end > u64::from(view.length()) {
            return Err(Problem::Internal);
        }
        view.set(&bytes, index(at).map_err(|_| Problem::Internal)?);
        Ok(())
    }

    async fn mismatch(&mut self) -> Option<Problem> {
        let (checksum, digest) = self.checked.take()?;
        let found = async {
            JsFuture::from(digest.writer.close()).await?;
            JsFuture::from(digest.stream.digest()).await
        };
        let found = found.await.ok().map(|found| Uint8Array::new(&found).to_vec());
        checksum.mismatch(found.as_deref())
    }

    fn is_checked(&self) -> bool {
        self.checked.is_some()
    }
}

/// The bytes of all buffers in one.
///
/// # Errors
/// [`Problem::Internal`] for more than 4 GiB.
pub fn joined(buffers: &[JsValue]) -> Result<JsValue, Problem> {
    let views: Vec<Uint8Array> = buffers.iter().map(Uint8Array::new).collect();
    let length = views.iter().map(Uint8Array::length).try_fold(0u32, u32::checked_add).ok_or(Problem::Internal)?;
    let (whole, mut at) = (Uint8Array::new_with_length(length), 0);
    for view in views {
        whole.set(&view, at);
        at = at.saturating_add(view.length());
    }
    Ok(whole.into())
}
