//! The fill-lock table: which keys are locked and which requests wait for them.

use std::collections::HashMap;

use crate::base::time::EpochMs;
use crate::delivery::fill_lock::shard::LOCK_MS;

/// Grace period after the lock timeout before a lock is removed, ms: waiting requests retry within it.
const GRACE_MS: u64 = 2_000;

/// Interval between two searches for expired locks, ms: each looks at every lock.
const SEARCH_MS: u64 = 1_000;

/// Result of [`LockTable::acquire`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockAnswer {
    /// The lock is granted; its serial number.
    Acquired(u64),
    /// The lock is held. Retry at this instant unless woken earlier.
    Wait(EpochMs),
}

struct HeldLock<W> {
    serial: u64,
    until: EpochMs,
    waiting: Vec<W>,
}

/// The locks of one Durable Object or isolate. `W` is the handle that wakes a waiting request.
pub struct LockTable<W> {
    held: HashMap<String, HeldLock<W>>,
    last: u64,
    /// When expired locks are searched for next.
    search_at: EpochMs,
}

impl<W> Default for LockTable<W> {
    fn default() -> LockTable<W> {
        LockTable { held: HashMap::new(), last: 0, search_at: EpochMs(0) }
    }
}

impl<W> LockTable<W> {
    /// Acquires the lock of `key`. A lock past its timeout passes to the caller; the requests that wait for it keep waiting, for the new holder.
    pub fn acquire(&mut self, key: &str, now: EpochMs) -> LockAnswer {
        if let Some(held) = self.held.get(key).filter(|held| now < held.until) {
            return LockAnswer::Wait(held.until);
        }
        self.last += 1;
        let waiting = self.held.remove(key).map(|held| held.waiting).unwrap_or_default();
        self.held.insert(key.to_owned(), HeldLock { serial: self.last, until: now.plus(LOCK_MS), waiting });
        LockAnswer::Acquired(self.last)
    }

    /// Adds a waiting request to the lock of `key`.
    pub fn add_waiter(&mut self, key: &str, waiter: W) {
        if let Some(held) = self.held.get_mut(key) {
            held.waiting.push(waiter);
        }
    }

    /// Releases a lock and returns the requests to wake. If the lock has passed to another holder meanwhile, it returns none: they wait for that holder.
    pub fn release(&mut self, key: &str, serial: u64) -> Vec<W> {
        if self.held.get(key).is_some_and(|held| held.serial == serial) {
            self.held.remove(key).map(|held| held.waiting).unwrap_or_default()
        } else {
            Vec::new()
        }
    }

    /// Removes locks whose holders have not released them. Waiting requests retry at the lock timeout; after the grace period none is left.
    pub fn remove_expired(&mut self, now: EpochMs) {
        if now < self.search_at {
            return;
        }
        self.search_at = now.plus(SEARCH_MS);
        self.held.retain(|_, held| now < held.until.plus(GRACE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(1_000);

    #[test]
    fn first_caller_acquires_and_waiters_are_returned_on_release() {
        let mut locks = LockTable::default();
        let LockAnswer::Acquired(serial) = locks.acquire("k", NOW) else { panic!() };
        for waiter in 0..3 {
            assert_eq!(locks.acquire("k", NOW.plus(waiter)), LockAnswer::Wait(NOW.plus(LOCK_MS)));
            locks.add_waiter("k", waiter);
        }
        assert!(matches!(locks.acquire("other", NOW), LockAnswer::Acquired(_)));
        assert_eq!(locks.release("k", serial), [0, 1, 2]);
        assert!(locks.release("k", serial).is_empty(), "woken once");
        assert!(matches!(locks.acquire("k", NOW), LockAnswer::Acquired(_)), "the next caller acquires the lock again");
    }

    #[test]
    fn lock_past_its_timeout_passes_to_the_next_caller() {
        let mut locks = LockTable::default();
        let LockAnswer::Acquired(first) = locks.acquire("k", NOW) else { panic!() };
        locks.add_waiter("k", 'a');
        let late = NOW.plus(LOCK_MS);
        let LockAnswer::Acquired(second) = locks.acquire("k", late) else { panic!() };
        assert_eq!(locks.acquire("k", late), LockAnswer::Wait(late.plus(LOCK_MS)), "one at a time");
        assert!(locks.release("k", first).is_empty(), "waiters belong to the second holder");
        assert_eq!(locks.release("k", second), ['a']);
    }

    #[test]
    fn locks_past_timeout_and_grace_period_are_removed() {
        let mut locks: LockTable<()> = LockTable::default();
        locks.acquire("dead", NOW);
        locks.acquire("young", NOW.plus(GRACE_MS));
        locks.remove_expired(NOW.plus(LOCK_MS + GRACE_MS));
        assert_eq!(locks.held.keys().collect::<Vec<_>>(), ["young"]);
        locks.remove_expired(NOW.plus(LOCK_MS + GRACE_MS + SEARCH_MS - 1));
        let later = NOW.plus(LOCK_MS + 2 * GRACE_MS + SEARCH_MS);
        locks.remove_expired(later);
        assert!(locks.held.is_empty() && locks.search_at == later.plus(SEARCH_MS), "not at every call");
    }
}
