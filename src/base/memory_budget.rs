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
pub struct Held(u64);

impl Held {
    /// The right to hold `size` bytes from `now` on, if as many as that are held at all and the isolate has room for them.
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
}
