//! Calls: each waits until the scheduler lets it happen, and goes as the history says.

use std::future::{Future, poll_fn};
use std::mem::replace;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Well.
    None,
    /// It happens, and its answer is lost.
    Lost,
    /// It does not get there.
    Cut,
}

/// Something under way; true once it is done.
pub type Work = Pin<Box<dyn Future<Output = bool>>>;

/// Lets it make one call, and reckon on until the next.
pub fn go_on(work: &mut Work) -> Poll<bool> {
    work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits until the scheduler comes by again.
pub fn turn() -> impl Future<Output = ()> {
    let mut waited = false;
    poll_fn(move |_| if replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
}
