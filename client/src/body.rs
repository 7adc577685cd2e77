//! A request body that is read from a file while it is sent.

use std::io::SeekFrom;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};

use crate::Error;
use crate::progress::{Event, Progress};

/// Block size of reads. 32 bodies with this and hyper's buffers stay far below 128 MB.
const BLOCK: usize = 128 * 1024;

/// Bytes of a body sent so far, for the progress bar and the stall detection.
#[derive(Clone)]
pub struct Meter {
    sent: Arc<AtomicU64>,
    progress: Progress,
}

impl Meter {
    /// A meter at zero.
    pub fn new(progress: Progress) -> Meter {
        Meter { sent: Arc::default(), progress }
    }

    /// Bytes so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Resets the count, because these bytes are sent again.
    pub fn reset(&self) {
        let lost = self.sent.swap(0, Ordering::Relaxed);
        if lost > 0 {
            (self.progress)(Event::Lost(lost));
        }
    }

    fn add(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        (self.progress)(Event::Moved(bytes));
    }
}

/// A slice of a file as a body of known length.
pub struct FileSlice {
    file: File,
    left: u64,
    meter: Meter,
}

impl FileSlice {
    /// `length` bytes of `path` from `offset`.
    pub async fn open(path: &Path, offset: u64, length: u64, meter: Meter) -> Result<FileSlice, Error> {
        let mut file = File::open(path).await.map_err(Error::file(path))?;
        file.set_max_buf_size(BLOCK);
        file.seek(SeekFrom::Start(offset)).await.map_err(Error::file(path))?;
        Ok(FileSlice { file, left: length, meter })
    }
}

impl Body for FileSlice {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(BLOCK);
        let mut block = BytesMut::zeroed(length);
        let mut buffer = ReadBuf::new(&mut block);
        ready!(pin!(&mut self.file).poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        if count == 0 {
            let short = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file is shorter than it was");
            return Poll::Ready(Some(Err(short)));
        }
        block.truncate(count);
        self.left -= count as u64;
        self.meter.add(count as u64);
        Poll::Ready(Some(Ok(Frame::data(block.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    /// Exact, so that the request has a Content-Length and is not chunked.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
