//! Small parts are held in JavaScript while they are sent, so that an attempt which the store loses is repeated without asking the client again.
//! Decisions only: the bytes themselves never come here.

use std::cell::Cell;

use super::backoff::jittered;
use crate::s3::error::StoreError;

/// What one isolate may hold, bytes (SPEC section 4): a third of its memory (Workers documentation, "Limits": 128 MB).
pub const ISOLATE_BUDGET: u64 = 48_000_000;
/// Attempts in all.
pub const ATTEMPTS: u32 = 3;

thread_local! {
    static HELD: Cell<u64> = const { Cell::new(0) };
}

/// The right to hold so many bytes; given back when dropped.
#[derive(Debug)]
pub struct Held(u64);

impl Held {
    /// The right to hold a part of `size` bytes, if parts of that size are held at all and the isolate has room for it.
    pub fn reserve(size: u64, largest: u64) -> Option<Held> {
        let held = HELD.get();
        let fits = size <= largest && held.saturating_add(size) <= ISOLATE_BUDGET;
        fits.then(|| {
            HELD.set(held.saturating_add(size));
            Held(size)
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(self.0));
    }
}

/// Whether a failed attempt is worth another, and after how many ms, with `random` jitter. `attempt` counts from 1.
pub fn again(attempt: u32, error: &StoreError, random: u8) -> Option<u64> {
    let worth_it = attempt < ATTEMPTS && error.is_transient();
    worth_it.then(|| jittered(50 << attempt.min(4), random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_shared_and_comes_back() {
        assert!(Held::reserve(13, 12).is_none(), "too large");
        let all: Vec<_> = (0..4).filter_map(|_| Held::reserve(12_000_000, 12_000_000)).collect();
        assert_eq!(all.len(), 4);
        assert!(Held::reserve(1, 12_000_000).is_none());
        drop(all);
        assert!(Held::reserve(12_000_000, 12_000_000).is_some());
    }

    #[test]
    fn what_the_store_lost_is_repeated_and_what_it_refused_is_not() {
        let error = |status, code: &str| StoreError { status, code: code.into(), message: String::new() };
        assert_eq!((again(1, &error(0, ""), 0), again(2, &error(503, "SlowDown"), 255)), (Some(50), Some(200)));
        assert_eq!(again(3, &error(0, ""), 0), None);
        assert_eq!(again(1, &error(400, "BadDigest"), 0), None);
        assert_eq!(again(1, &error(403, "SignatureDoesNotMatch"), 0), None);
    }
}
