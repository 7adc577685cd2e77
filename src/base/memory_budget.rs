//! The isolate's memory budget for bytes buffered in JavaScript: parts that may have to be sent again, and slices being written to the cache. Only sizes are
//! tracked; the bytes do not enter WebAssembly.

use std::cell::RefCell;

use crate::base::time::EpochMs;

/// Maximum bytes buffered by one isolate (docs/delivery.md, Memory): about a third of its memory (Workers documentation, "Limits": 128 MB).
pub const ISOLATE_BUDGET: u64 = 48_000_000;

/// Lifetime of a permit, ms: a client's 12 MB at 20 KB/s, then three attempts at the origin. The runtime does not always drop the futures of a client that
/// disconnected, so a permit also expires by time.
const HOLD_MS: u64 = 900_000;

thread_local! {
    /// Number, bytes and expiry of every permit.
    static PERMITS: RefCell<Vec<(u64, u64, EpochMs)>> = const { RefCell::new(Vec::new()) };
}

/// A permit to buffer a number of bytes; released when dropped.
#[derive(Debug)]
pub struct MemoryPermit(u64);

impl MemoryPermit {
    /// Reserves `size` bytes; None if `size` is over `largest` or over what the budget has left.
    pub fn reserve(size: u64, largest: u64, now: EpochMs) -> Option<MemoryPermit> {
        PERMITS.with_borrow_mut(|permits| {
            permits.retain(|(_, _, until)| now < *until);
            let reserved: u64 = permits.iter().map(|(_, size, _)| size).sum();
            let fits = size <= largest && reserved.saturating_add(size) <= ISOLATE_BUDGET;
            fits.then(|| {
                let number = permits.iter().map(|(number, _, _)| number.saturating_add(1)).max().unwrap_or_default();
                permits.push((number, size, now.plus(HOLD_MS)));
                MemoryPermit(number)
            })
        })
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        PERMITS.with_borrow_mut(|permits| permits.retain(|(number, _, _)| *number != self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_budget_refuses_permits_until_some_are_dropped_or_expire() {
        const MAX: u64 = 12_000_000;
        let now = EpochMs(1_000);
        assert!(MemoryPermit::reserve(MAX + 1, MAX, now).is_none(), "too large");
        let mut all: Vec<_> = (0..4).filter_map(|_| MemoryPermit::reserve(MAX, MAX, now)).collect();
        assert_eq!(all.len(), 4);
        assert!(MemoryPermit::reserve(1, MAX, now).is_none());
        all.pop();
        all.extend(MemoryPermit::reserve(MAX, MAX, now.plus(1)));
        assert!(all.len() == 4 && MemoryPermit::reserve(1, MAX, now).is_none());
        // The permits are not dropped but expire. Dropping them after that must not release other permits.
        let later = now.plus(HOLD_MS);
        let more: Vec<_> = (0..4).filter_map(|_| MemoryPermit::reserve(MAX, MAX, later)).collect();
        assert_eq!(more.len(), 3);
        drop(all);
        assert!(MemoryPermit::reserve(MAX, MAX, later).is_some() && MemoryPermit::reserve(MAX + 1, MAX, later).is_none());
        drop(more);
    }
}
