//! The right to hold bytes in JavaScript: parts that may have to be sent again, slices on their way into the cache. One budget for all of an isolate.
//! The bytes themselves never come here.

use std::cell::RefCell;

use crate::base::time::EpochMs;

/// What one isolate may hold, bytes (SPEC section 4): a third of its memory (Workers documentation, "Limits": 128 MB).
pub const ISOLATE_BUDGET: u64 = 48_000_000;

/// How long bytes may be held, ms: 12 MB in that time are 20 KB/s, beside three attempts. The runtime does not always drop what a client that hung up leaves
/// behind; the right to hold it ends all the same.
const HOLD_MS: u64 = 900_000;

thread_local! {
    /// Number, bytes and end of every right.
    static HELD: RefCell<Vec<(u64, u64, EpochMs)>> = const { RefCell::new(Vec::new()) };
}

/// The right to hold so many bytes; given back when dropped.
#[derive(Debug)]
pub struct MemoryPermit(u64);

impl MemoryPermit {
    /// The right to hold `size` bytes from `now` on, if as many as that are held at all and the isolate has room for them.
    pub fn reserve(size: u64, largest: u64, now: EpochMs) -> Option<MemoryPermit> {
        HELD.with_borrow_mut(|held| {
            held.retain(|(_, _, until)| now < *until);
            let all: u64 = held.iter().map(|(_, size, _)| size).sum();
            let fits = size <= largest && all.saturating_add(size) <= ISOLATE_BUDGET;
            fits.then(|| {
                let number = held.iter().map(|(number, _, _)| number.saturating_add(1)).max().unwrap_or_default();
                held.push((number, size, now.plus(HOLD_MS)));
                MemoryPermit(number)
            })
        })
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.retain(|(number, _, _)| *number != self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_shared_and_comes_back() {
        const MAX: u64 = 12_000_000;
        let now = EpochMs(1_000);
        assert!(MemoryPermit::reserve(MAX + 1, MAX, now).is_none(), "too large");
        let mut all: Vec<_> = (0..4).filter_map(|_| MemoryPermit::reserve(MAX, MAX, now)).collect();
        assert_eq!(all.len(), 4);
        assert!(MemoryPermit::reserve(1, MAX, now).is_none());
        all.pop();
        all.extend(MemoryPermit::reserve(MAX, MAX, now.plus(1)));
        assert!(all.len() == 4 && MemoryPermit::reserve(1, MAX, now).is_none());
        // Three of them are never dropped: their time ends. Dropping them later takes nobody else's.
        let later = now.plus(HOLD_MS);
        let more: Vec<_> = (0..4).filter_map(|_| MemoryPermit::reserve(MAX, MAX, later)).collect();
        assert_eq!(more.len(), 3);
        drop(all);
        assert!(MemoryPermit::reserve(MAX, MAX, later).is_some() && MemoryPermit::reserve(MAX + 1, MAX, later).is_none());
        drop(more);
    }
}
