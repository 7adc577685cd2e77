//! A request body of known length that is sent at a pace, and tells how far it is.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// How far a [`PacedBody`] is.
#[derive(Clone, Default)]
pub struct Pace(Arc<Mutex<(u64, Option<Instant>)>>);

impl Pace {
    /// Bytes given away, and when the last of all was.
    pub fn sent(&self) -> (u64, Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bytes: u64, is_last: bool) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.0 += bytes;
        if is_last {
            sent.1 = Some(Instant::now());
        }
    }
}

type Blocks = Box<dyn Iterator<Item = (Duration, Bytes)> + Send + Sync>;

/// See the module.
pub struct PacedBody {
    blocks: Blocks,
    next: Option<(Pin<Box<Sleep>>, Bytes)>,
    left: u64,
    pace: Pace,
}

impl PacedBody {
    /// `length` bytes in these blocks, each after a pause.
    pub fn new(length: u64, blocks: impl Iterator<Item = (Duration, Bytes)> + Send + Sync + 'static, pace: Pace) -> PacedBody {
        PacedBody { blocks: Box::new(blocks), next: None, left: length, pace }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.next.is_none() {
            let Some((pause, block)) = self.blocks.next() else { return Poll::Ready(None) };
            self.next = Some((Box::pin(tokio::time::sleep(pause)), block));
        }
        if let Some((pause, _)) = &mut self.next {
            ready!(pause.as_mut().poll(context));
        }
        let Some((_, block)) = self.next.take() else { return Poll::Ready(None) };
        self.left = self.left.saturating_sub(block.len() as u64);
        self.pace.add(block.len() as u64, self.left == 0);
        Poll::Ready(Some(Ok(Frame::data(block))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
