//! Request bodies of known length: a slice of a file that is read while it is sent, or bytes in memory.

use std::io::SeekFrom;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::Error;
use crate::limit::Limit;
use crate::local_file::LocalFile;
use crate::progress::{Event, Progress};

/// Block size of reads. 32 bodies with this and hyper's buffers stay far below 128 MB.
const BLOCK: usize = 128 * 1024;

/// Bytes of a body sent so far, for the progress bar and the stall detection, and why it could not be read to its end.
#[derive(Clone)]
pub struct Meter {
    sent: Arc<AtomicU64>,
    progress: Progress,
    fault: Arc<Mutex<Option<Error>>>,
    /// When the last byte was given away.
    ended: Arc<OnceLock<Instant>>,
    limit: Limit,
}

impl Meter {
    /// A meter at zero, of bodies that are given away at the rate of `limit`.
    pub fn new(progress: Progress, limit: &Limit) -> Meter {
        Meter { sent: Arc::default(), progress, fault: Arc::default(), ended: Arc::default(), limit: limit.clone() }
    }

    /// Bytes so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Time since the last byte of a slice was given away for the first time.
    pub fn since_end(&self) -> Option<Duration> {
        self.ended.get().map(Instant::elapsed)
    }

    /// Resets the count, because these bytes are sent again.
    pub fn reset(&self) {
        let lost = self.sent.swap(0, Ordering::Relaxed);
        if lost > 0 {
            (self.progress)(Event::Lost(lost));
        }
    }

    /// The error of the local file that ended the body. The HTTP client reports it as one of the connection, which it is not.
    pub fn take_fault(&self) -> Option<Error> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn fail(&self, error: Error) -> std::io::Error {
        let told = std::io::Error::other(error.to_string());
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        told
    }

    fn add(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        (self.progress)(Event::Moved(bytes));
    }
}

/// The block that is given away next, as soon as the limit lets it pass.
#[derive(Default)]
struct Turn(Option<(Bytes, Option<Pin<Box<Sleep>>>)>);

impl Turn {
    fn is_free(&self) -> bool {
        self.0.is_none()
    }

    fn take(&mut self, block: Bytes, limit: &Limit) {
        // A timer rounds up to a millisecond also what has not to wait.
        let wait = Some(limit.take(block.len())).filter(|wait| !wait.is_zero());
        self.0 = Some((block, wait.map(|wait| Box::pin(tokio::time::sleep(wait)))));
    }

    /// The block; an empty one if there is none.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        if let Some((_, Some(pause))) = &mut self.0 {
            ready!(pause.as_mut().poll(context));
        }
        Poll::Ready(self.0.take().map(|(block, _)| block).unwrap_or_default())
    }
}

/// A slice of a file. Its last block is given away only if the file is still as it was, so that the server never gets the whole of a changed file.
pub struct FileSlice {
    file: File,
    /// The same open file, for its metadata.
    handle: std::fs::File,
    of: LocalFile,
    left: u64,
    turn: Turn,
    meter: Meter,
}

impl FileSlice {
    /// `length` bytes of the file from `offset`.
    ///
    /// # Errors
    /// [`Error::FileChanged`], [`Error::File`].
    pub async fn open(of: &LocalFile, offset: u64, length: u64, meter: Meter) -> Result<FileSlice, Error> {
        let owned = of.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let file = owned.open()?;
            let handle = file.try_clone().map_err(Error::file(&owned.path))?;
            Ok::<_, Error>((file, handle))
        });
        let (file, handle) = opened.await.map_err(|error| Error::Unexpected(error.to_string()))??;
        let mut file = File::from_std(file);
        file.set_max_buf_size(BLOCK);
        file.seek(SeekFrom::Start(offset)).await.map_err(Error::file(&of.path))?;
        Ok(FileSlice { file, handle, of: of.clone(), left: length, turn: Turn::default(), meter })
    }

    /// The next block; None at the end of the file.
    fn poll_block(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<Option<Bytes>>> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(BLOCK).min(self.meter.limit.block());
        let mut block = BytesMut::zeroed(length);
        let mut buffer = ReadBuf::new(&mut block);
        ready!(pin!(&mut self.file).poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        block.truncate(count);
        Poll::Ready(Ok((count > 0).then(|| block.freeze())))
    }

    /// The next block, once it may pass. The file is looked at behind the wait, so that none of it lies between that and the last block.
    fn poll_passed(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        if self.turn.is_free() {
            match ready!(self.poll_block(context)) {
                Ok(Some(block)) => self.turn.take(block, &self.meter.limit),
                Ok(None) => return Poll::Ready(Err(self.of.changed())),
                Err(error) => return Poll::Ready(Err(self.of.read_error(error))),
            }
        }
        let block = ready!(self.turn.poll(context));
        Poll::Ready(self.checked(block))
    }

    fn checked(&self, block: Bytes) -> Result<Bytes, Error> {
        if block.len() as u64 >= self.left && !self.of.is_same(&self.handle.metadata().map_err(Error::file(&self.of.path))?) {
            return Err(self.of.changed());
        }
        Ok(block)
    }
}

impl Body for FileSlice {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        match ready!(self.poll_passed(context)) {
            Ok(block) => {
                self.left -= block.len() as u64;
                self.meter.add(block.len() as u64);
                if self.left == 0 {
                    let _ = self.meter.ended.set(Instant::now());
                }
                Poll::Ready(Some(Ok(Frame::data(block))))
            }
            Err(error) => Poll::Ready(Some(Err(self.meter.fail(error)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    /// Exact, so that the request has a Content-Length and is not chunked.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Bytes in memory, given away block by block.
pub struct InMemory {
    /// Without what waits for its turn.
    left: Bytes,
    turn: Turn,
    meter: Meter,
}

impl InMemory {
    /// These bytes.
    pub fn new(bytes: Bytes, meter: Meter) -> InMemory {
        InMemory { left: bytes, turn: Turn::default(), meter }
    }
}

impl Body for InMemory {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let this = &mut *self;
        if this.turn.is_free() {
            if this.left.is_empty() {
                return Poll::Ready(None);
            }
            let length = this.left.len().min(BLOCK).min(this.meter.limit.block());
            let block = this.left.split_to(length);
            this.turn.take(block, &this.meter.limit);
        }
        let block = ready!(this.turn.poll(context));
        this.meter.add(block.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(block))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.turn.is_free()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.turn.0.as_ref().map_or(0, |(block, _)| block.len());
        SizeHint::with_exact((self.left.len() + waiting) as u64)
    }
}
