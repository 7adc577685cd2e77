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
use tokio::time::Instant;

use crate::Error;
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
}

impl Meter {
    /// A meter at zero.
    pub fn new(progress: Progress) -> Meter {
        Meter { sent: Arc::default(), progress, fault: Arc::default(), ended: Arc::default() }
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

/// A slice of a file. Its last block is given away only if the file is still as it was, so that the server never gets the whole of a changed file.
pub struct FileSlice {
    file: File,
    /// The same open file, for its metadata.
    handle: std::fs::File,
    of: LocalFile,
    left: u64,
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
        Ok(FileSlice { file, handle, of: of.clone(), left: length, meter })
    }

    /// The next block; None at the end of the file.
    fn poll_block(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<Option<Bytes>>> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(BLOCK);
        let mut block = BytesMut::zeroed(length);
        let mut buffer = ReadBuf::new(&mut block);
        ready!(pin!(&mut self.file).poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        block.truncate(count);
        Poll::Ready(Ok((count > 0).then(|| block.freeze())))
    }

    fn checked(&self, block: std::io::Result<Option<Bytes>>) -> Result<Bytes, Error> {
        let block = block.map_err(|error| self.of.read_error(error))?.ok_or_else(|| self.of.changed())?;
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
        let block = ready!(self.poll_block(context));
        match self.checked(block) {
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
    left: Bytes,
    meter: Meter,
}

impl InMemory {
    /// These bytes.
    pub fn new(bytes: Bytes, meter: Meter) -> InMemory {
        InMemory { left: bytes, meter }
    }
}

impl Body for InMemory {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.left.len().min(BLOCK);
        let block = self.left.split_to(length);
        self.meter.add(length as u64);
        Poll::Ready(Some(Ok(Frame::data(block))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
