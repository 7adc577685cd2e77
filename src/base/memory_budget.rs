//! The isolate's memory budget for bytes that are read whole: request bodies, answers of the store, slices on their way into the cache. Only sizes are tracked.
//!
//! Each pool has a limit of its own, so that slow uploads take nothing from downloads, and within a pool no account gets more than its share.

use std::cell::RefCell;

use crate::base::id::Id;
use crate::base::time::EpochMs;

/// What bytes are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// Parts that may have to be sent again, and forms: up to 16 MB each.
    Bodies,
    /// JSON bodies and playlists: up to 2 MiB each.
    Texts,
    /// XML answers of the store, which tenants' texts must not keep from being read: up to 1 MiB each.
    Answers,
    /// Slices being written to the cache: up to 5 MiB each.
    Slices,
}

impl Pool {
    /// Every pool.
    pub const ALL: [Pool; 4] = [Pool::Bodies, Pool::Texts, Pool::Answers, Pool::Slices];

    /// Maximum bytes of one isolate (docs/data-model.md, Isolate memory). Together less than two thirds of its memory (Workers documentation, "Limits": 128 MB).
    pub const fn limit(self) -> u64 {
        match self {
            Pool::Bodies => 36_000_000,
            Pool::Texts => 12_000_000,
            Pool::Answers => 5_000_000,
            Pool::Slices => 32_000_000,
        }
    }

    /// Maximum bytes of one account: two thirds of [`Pool::limit`]; of texts, which take more time for their size, half.
    pub const fn share(self) -> u64 {
        match self {
            Pool::Texts => self.limit() / 2,
            Pool::Bodies | Pool::Answers | Pool::Slices => self.limit() / 3 * 2,
        }
    }

    /// Maximum bytes of all callers without proof together.
    const fn unproven(self) -> u64 {
        self.limit() / 3
    }
}

/// On whose behalf bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The account that calls, or that pays for the content.
    Account(Id),
    /// Operator, identity backend, jobs: limited by the pool alone.
    Service,
    /// A caller whose signature covers the body and has therefore not been checked yet. All of them have a third of a pool together, so that accounts and the
    /// service have room beside them.
    Unproven,
}

/// The smallest amount that a permit counts, bytes: what a request takes beside its body. Bounds the number of permits.
const SMALLEST: u64 = 4_096;

/// A pool's permits.
#[derive(Debug)]
struct Permit {
    number: u64,
    pool: Pool,
    owner: Owner,
    bytes: u64,
    until: EpochMs,
}

/// The permits of one isolate.
#[derive(Debug, Default)]
struct Permits {
    all: Vec<Permit>,
    next: u64,
}

impl Permits {
    /// The number of a new permit; None if the pool, or the owner's share of it, has no room for it.
    fn admit(&mut self, pool: Pool, owner: Owner, bytes: u64, holds_ms: u64, now: EpochMs) -> Option<u64> {
        self.all.retain(|permit| now < permit.until);
        let bytes = bytes.max(SMALLEST);
        let held = |of: &dyn Fn(&Permit) -> bool| {
            let permits = self.all.iter().filter(|permit| permit.pool == pool && of(permit));
            permits.fold(0u64, |sum, permit| sum.saturating_add(permit.bytes))
        };
        let share = match owner {
            Owner::Service => pool.limit(),
            Owner::Account(_) => pool.share(),
            Owner::Unproven => pool.unproven(),
        };
        let fits = held(&|_| true).saturating_add(bytes) <= pool.limit() && held(&|permit| permit.owner == owner).saturating_add(bytes) <= share;
        fits.then(|| {
            self.next = self.next.wrapping_add(1);
            self.all.push(Permit { number: self.next, pool, owner, bytes, until: now.plus(holds_ms) });
            self.next
        })
    }

    fn release(&mut self, number: u64) {
        self.all.retain(|permit| permit.number != number);
    }
}

thread_local! {
    static PERMITS: RefCell<Permits> = RefCell::default();
}

/// A permit to buffer a number of bytes; released when dropped.
#[derive(Debug)]
pub struct MemoryPermit(u64);

impl MemoryPermit {
    /// Reserves `bytes` bytes of `pool` for `owner`; None if there is no room.
    ///
    /// The permit also ends after `holds_ms`, because the runtime does not always drop the futures of a client that disconnected: it must be the longest time for
    /// which the bytes can be in use.
    pub fn reserve(pool: Pool, owner: Owner, bytes: u64, holds_ms: u64, now: EpochMs) -> Option<MemoryPermit> {
        PERMITS.with_borrow_mut(|permits| permits.admit(pool, owner, bytes, holds_ms, now)).map(MemoryPermit)
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        PERMITS.with_borrow_mut(|permits| permits.release(self.0));
    }
}

/// Maximum wait for a permit, ms.
const WAIT_MS: u64 = 3_000;

/// Interval between two attempts, ms.
const POLL_MS: u64 = 20;

/// A permit for `bytes` bytes that are in use for at most `holds_ms`. Waits up to [`WAIT_MS`] for other permits to be released; an unread body waits in the
/// client meanwhile. None if none is released.
pub async fn wait_for_permit(
    (pool, owner): (Pool, Owner),
    bytes: u64,
    holds_ms: u64,
    now: impl Fn() -> EpochMs,
    sleep: impl AsyncFn(u64),
) -> Option<MemoryPermit> {
    let until = now().plus(WAIT_MS);
    loop {
        let at = now();
        match MemoryPermit::reserve(pool, owner, bytes, holds_ms, at) {
            None if at < until => sleep(POLL_MS).await,
            permit => return permit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 12_000_000;
    const HOLD: u64 = 300_000;
    const NOW: EpochMs = EpochMs(1_000);

    fn account(number: u8) -> Owner {
        Owner::Account(Id::from_random([number; 16]))
    }

    #[test]
    fn third_part_of_an_account_is_refused_and_another_account_still_fits() {
        let mut permits = Permits::default();
        for _ in 0..2 {
            assert!(permits.admit(Pool::Bodies, account(1), MAX, HOLD, NOW).is_some());
        }
        assert_eq!(permits.admit(Pool::Bodies, account(1), 1, HOLD, NOW), None, "two thirds are its share");
        assert!(permits.admit(Pool::Bodies, account(2), MAX, HOLD, NOW).is_some());
        assert_eq!(permits.admit(Pool::Bodies, account(3), 1, HOLD, NOW), None, "the pool is full");
    }

    #[test]
    fn full_pool_takes_nothing_from_the_others() {
        for full in Pool::ALL {
            let mut permits = Permits::default();
            let third = full.limit() / 3;
            for number in 0..3 {
                assert!(permits.admit(full, account(number), third, HOLD, NOW).is_some());
            }
            for pool in Pool::ALL {
                assert_eq!(permits.admit(pool, account(9), third.min(pool.share()), HOLD, NOW).is_some(), pool != full, "{full:?} {pool:?}");
            }
        }
    }

    #[test]
    fn callers_without_proof_have_a_third_and_the_service_the_whole_pool() {
        let mut permits = Permits::default();
        assert!(permits.admit(Pool::Texts, Owner::Unproven, 4_000_000, HOLD, NOW).is_some());
        assert_eq!(permits.admit(Pool::Texts, Owner::Unproven, 1, HOLD, NOW), None);
        assert!(permits.admit(Pool::Texts, account(1), Pool::Texts.share(), HOLD, NOW).is_some());
        assert_eq!(permits.admit(Pool::Texts, account(1), 1, HOLD, NOW), None);
        assert!(permits.admit(Pool::Texts, account(2), 2_000_000, HOLD, NOW).is_some(), "beside both there is room for others");
        assert!(permits.admit(Pool::Answers, Owner::Service, Pool::Answers.limit(), HOLD, NOW).is_some(), "and for the store's answers");
        let mut permits = Permits::default();
        assert!(permits.admit(Pool::Texts, Owner::Service, Pool::Texts.limit(), HOLD, NOW).is_some());
    }

    #[test]
    fn ten_thousand_empty_bodies_get_at_most_3000_permits() {
        let mut permits = Permits::default();
        let admitted = (0..10_000).filter(|_| permits.admit(Pool::Texts, Owner::Service, 0, HOLD, NOW).is_some()).count();
        assert_eq!(u64::try_from(admitted).unwrap(), Pool::Texts.limit() / SMALLEST);
        assert!(admitted < 3_000);
    }

    #[test]
    fn expired_permit_makes_room_and_its_late_release_frees_no_other() {
        let mut permits = Permits::default();
        let [first, second] = [1, 1].map(|number| permits.admit(Pool::Bodies, account(number), MAX, HOLD, NOW).unwrap());
        assert_eq!(permits.admit(Pool::Bodies, account(1), MAX, HOLD, NOW.plus(HOLD - 1)), None);
        let later = NOW.plus(HOLD);
        let [third, _fourth] = [1, 1].map(|number| permits.admit(Pool::Bodies, account(number), MAX, HOLD, later).unwrap());
        permits.release(first);
        permits.release(second);
        assert_eq!(permits.admit(Pool::Bodies, account(1), MAX, HOLD, later), None);
        permits.release(third);
        assert!(permits.admit(Pool::Bodies, account(1), MAX, HOLD, later).is_some());
    }

    #[test]
    fn dropped_permit_is_released() {
        let one = MemoryPermit::reserve(Pool::Bodies, account(1), Pool::Bodies.share(), HOLD, NOW);
        assert!(one.is_some() && MemoryPermit::reserve(Pool::Bodies, account(1), 1, HOLD, NOW).is_none());
        drop(one);
        assert!(MemoryPermit::reserve(Pool::Bodies, account(1), 1, HOLD, NOW).is_some());
    }

    #[test]
    fn pools_leave_a_third_of_the_isolate_to_everything_else() {
        assert!(Pool::ALL.map(Pool::limit).iter().sum::<u64>() <= 128_000_000 / 3 * 2);
    }
}
