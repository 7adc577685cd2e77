//! CPU time and allocated bytes of one thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::parsers::Case;

/// The system's allocator, counting what the thread has and had at most.
struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(change: isize) {
    // Neither is there while a thread ends.
    let _ = NOW.try_with(|now| {
        let value = now.get() + change;
        now.set(value);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(value)));
    });
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

// SAFETY: all calls go to the system's allocator with their arguments unchanged; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What one input cost.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// CPU time, ms.
    pub cpu_ms: f64,
    /// The most memory that was allocated at once, MB; the input is not counted.
    pub peak_mb: f64,
}

/// Runs a case.
pub fn usage_of(case: &Case) -> Usage {
    let run = case.prepare();
    let before = NOW.get();
    PEAK.set(before);
    let started = cpu_ns();
    run();
    let cpu_ms = (cpu_ns() - started) / 1e6;
    Usage { cpu_ms, peak_mb: (PEAK.get() - before) as f64 / 1e6 }
}

/// CPU time of this thread, ns (schedstat of proc(5)).
fn cpu_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}
