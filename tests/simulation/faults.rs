//! Calls: each waits until the scheduler admits it, and has the fault that the history specifies.

use std::future::{Future, poll_fn};
use std::mem::replace;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// The call takes effect, and its answer is lost.
    Lost,
    /// The call does not take effect.
    Cut,
}

/// A running operation; its result is true once it is done.
pub type Work = Pin<Box<dyn Future<Output = bool>>>;

/// Lets an operation make one call and continue up to the next one.
pub fn go_on(work: &mut Work) -> Poll<bool> {
    work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits until the scheduler resumes this operation.
pub fn turn() -> impl Future<Output = ()> {
    let mut waited = false;
    poll_fn(move |_| if replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
}
