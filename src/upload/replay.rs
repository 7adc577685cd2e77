//! Small parts are held in JavaScript while they are sent, so that an attempt which the store loses is repeated without asking the client again.
//! Decisions only: the bytes themselves never come here.

use std::cell::RefCell;

use super::backoff::jittered;
use crate::s3::error::StoreError;
use crate::units::EpochMs;

/// What one isolate may hold, bytes (SPEC section 4): a third of its memory (Workers documentation, "Limits": 128 MB).
pub const ISOLATE_BUDGET: u64 = 48_000_000;
/// Attempts in all.
pub const ATTEMPTS: u32 = 3;

/// How long a part may be held, ms: 12 MB in that time are 20 KB/s, beside three attempts. The runtime does not always drop what a client that hung up leaves
/// behind; the right to hold it ends all the same.
const HOLD_MS: u64 = 900_000;

thread_local! {
    /// Number, bytes and end of every right.
    static HELD: RefCell<Vec<(u64, u64, EpochMs)>> = const { RefCell::new(Vec::new()) };
}

/// The right to hold so many bytes; given back when dropped.
#[derive(Debug)]
pub struct Held(u64);

impl Held {
    /// The right to hold a part of `size` bytes from `now` on, if parts of that size are held at all and the isolate has room for it.
    pub fn reserve(size: u64, largest: u64, now: EpochMs) -> Option<Held> {
        HELD.with_borrow_mut(|held| {
            held.retain(|(_, _, until)| now < *until);
            let all: u64 = held.iter().map(|(_, size, _)| size).sum();
            let fits = size <= largest && all.saturating_add(size) <= ISOLATE_BUDGET;
            fits.then(|| {
                let number = held.iter().map(|(number, _, _)| number.saturating_add(1)).max().unwrap_or_default();
                held.push((number, size, now.plus(HOLD_MS)));
                Held(number)
            })
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.retain(|(number, _, _)| *number != self.0));
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
        const MOST: u64 = 12_000_000;
        let now = EpochMs(1_000);
        assert!(Held::reserve(MOST + 1, MOST, now).is_none(), "too large");
        let mut all: Vec<_> = (0..4).filter_map(|_| Held::reserve(MOST, MOST, now)).collect();
        assert_eq!(all.len(), 4);
        assert!(Held::reserve(1, MOST, now).is_none());
        all.pop();
        all.extend(Held::reserve(MOST, MOST, now.plus(1)));
        assert!(all.len() == 4 && Held::reserve(1, MOST, now).is_none());
        // Three of them are never dropped: their time ends. Dropping them later takes nobody else's.
        let later = now.plus(HOLD_MS);
        let more: Vec<_> = (0..4).filter_map(|_| Held::reserve(MOST, MOST, later)).collect();
        assert_eq!(more.len(), 3);
        drop(all);
        assert!(Held::reserve(MOST, MOST, later).is_some() && Held::reserve(MOST + 1, MOST, later).is_none());
        drop(more);
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
