//! Who holds which lease, and who waits for it.

use std::collections::HashMap;

use crate::base::time::EpochMs;
use crate::delivery::fill_lock::shard::LOCK_MS;

/// How late somebody who waits may be, ms.
const SLACK_MS: u64 = 2_000;

/// The answer to whoever wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockAnswer {
    /// Do; the lease's number.
    Acquired(u64),
    /// Somebody does. Ask again at that instant, unless they are done before.
    Wait(EpochMs),
}

struct HeldLock<W> {
    serial: u64,
    until: EpochMs,
    waiting: Vec<W>,
}

/// The leases of one object. `W` is whatever wakes somebody who waits.
pub struct LockTable<W> {
    held: HashMap<String, HeldLock<W>>,
    last: u64,
}

impl<W> Default for LockTable<W> {
    fn default() -> LockTable<W> {
        LockTable { held: HashMap::new(), last: 0 }
    }
}

impl<W> LockTable<W> {
    /// Somebody wants to read `key`. A lease that is overdue passes to them; who waits for it goes on waiting, for the new one.
    pub fn acquire(&mut self, key: &str, now: EpochMs) -> LockAnswer {
        if let Some(held) = self.held.get(key).filter(|held| now < held.until) {
            return LockAnswer::Wait(held.until);
        }
        self.last += 1;
        let waiting = self.held.remove(key).map(|held| held.waiting).unwrap_or_default();
        self.held.insert(key.to_owned(), HeldLock { serial: self.last, until: now.plus(LOCK_MS), waiting });
        LockAnswer::Acquired(self.last)
    }

    /// Somebody waits for `key`.
    pub fn park(&mut self, key: &str, waiter: W) {
        if let Some(held) = self.held.get_mut(key) {
            held.waiting.push(waiter);
        }
    }

    /// The holder of a lease is done: who is to be told. Who was overtaken has nobody to tell: they wait for another now.
    pub fn done(&mut self, key: &str, serial: u64) -> Vec<W> {
        if self.held.get(key).is_some_and(|held| held.serial == serial) {
            self.held.remove(key).map(|held| held.waiting).unwrap_or_default()
        } else {
            Vec::new()
        }
    }

    /// Lets go of leases whose holders will never be heard of. Who waits asks again at the lease's end: those that have not are gone.
    pub fn tidy(&mut self, now: EpochMs) {
        self.held.retain(|_, held| now < held.until.plus(SLACK_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(1_000);

    #[test]
    fn one_reads_and_the_others_are_told() {
        let mut leases = LockTable::default();
        let LockAnswer::Acquired(serial) = leases.acquire("k", NOW) else { panic!() };
        for waiter in 0..3 {
            assert_eq!(leases.acquire("k", NOW.plus(waiter)), LockAnswer::Wait(NOW.plus(LOCK_MS)));
            leases.park("k", waiter);
        }
        assert!(matches!(leases.acquire("other", NOW), LockAnswer::Acquired(_)));
        assert_eq!(leases.done("k", serial), [0, 1, 2]);
        assert!(leases.done("k", serial).is_empty(), "told once");
        assert!(matches!(leases.acquire("k", NOW), LockAnswer::Acquired(_)), "and the next one reads again");
    }

    #[test]
    fn a_holder_that_is_overdue_is_replaced() {
        let mut leases = LockTable::default();
        let LockAnswer::Acquired(first) = leases.acquire("k", NOW) else { panic!() };
        leases.park("k", 'a');
        let late = NOW.plus(LOCK_MS);
        let LockAnswer::Acquired(second) = leases.acquire("k", late) else { panic!() };
        assert_eq!(leases.acquire("k", late), LockAnswer::Wait(late.plus(LOCK_MS)), "one at a time");
        assert!(leases.done("k", first).is_empty(), "whoever waits, waits for the second now");
        assert_eq!(leases.done("k", second), ['a']);
    }

    #[test]
    fn what_nobody_wants_is_forgotten() {
        let mut leases: LockTable<()> = LockTable::default();
        leases.acquire("dead", NOW);
        leases.acquire("young", NOW.plus(SLACK_MS));
        leases.tidy(NOW.plus(LOCK_MS + SLACK_MS));
        assert_eq!(leases.held.keys().collect::<Vec<_>>(), ["young"]);
    }
}
