//! The trace that this isolate is working for: set while a future of that trace is polled, so that what it logs and sends can name it.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::base::trace_context::TraceContext;

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

/// The trace of what runs now.
pub fn current() -> Option<TraceContext> {
    CURRENT.get()
}

/// `work` as a part of that trace. Other futures of the isolate, which run while it waits, keep theirs.
pub fn traced<F: Future>(trace: Option<TraceContext>, work: F) -> Traced<F> {
    Traced { trace, work: Box::pin(work) }
}

/// See [`traced`].
pub struct Traced<F> {
    trace: Option<TraceContext>,
    // Boxed, because a pinned field cannot be reached without unsafe code.
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _restored = Restored(CURRENT.replace(self.trace));
        self.work.as_mut().poll(context)
    }
}

/// Sets back what was set before, also if the work panics.
struct Restored(Option<TraceContext>);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Is pending once, and tells the trace before and after.
    async fn seen() -> [Option<TraceContext>; 2] {
        let before = current();
        let mut has_waited = false;
        std::future::poll_fn(|_| if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        [before, current()]
    }

    #[test]
    fn futures_that_take_turns_see_their_own_trace_and_nothing_outside_sees_one() {
        let traces = [1, 2].map(|number| TraceContext::begin([number; 16], [number; 8]));
        let mut context = Context::from_waker(Waker::noop());
        let mut works = traces.map(|trace| Box::pin(traced(Some(trace), seen())));
        for work in &mut works {
            assert!(work.as_mut().poll(&mut context).is_pending());
            assert_eq!(current(), None);
        }
        for (work, trace) in works.iter_mut().zip(traces) {
            assert_eq!(work.as_mut().poll(&mut context), Poll::Ready([Some(trace); 2]));
            assert_eq!(current(), None);
        }
        let inner = traced(Some(traces[0]), async { [traced(None, async { current() }).await, current()] });
        assert_eq!(Box::pin(inner).as_mut().poll(&mut context), Poll::Ready([None, Some(traces[0])]));
    }
}
