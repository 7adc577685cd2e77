//! What a PoP's meter has in memory.

use std::collections::BTreeMap;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::accrual::StoreReads;
use crate::ledger::message::UsageSnapshot;
use crate::ledger::pop_meter::message::Counted;

/// Interval at which ledgers are told, ms.
pub const TELL_MS: u64 = 10_000;

/// Age up to which a ledger's answer is passed on to isolates, ms. An isolate keeps it for another 30 s (docs/accounts.md, Quota).
const USAGE_MS: u64 = 30_000;

/// For how long after a question to a ledger no other is sent, ms: isolates that ask meanwhile serve on without an answer.
const ASKING_MS: u64 = 5_000;

/// Accounts whose usage is kept though nothing of them is untold. Evicted ones are asked for again.
const MAX_IDLE: usize = 2_000;

/// An account at a PoP.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tally {
    bytes: u64,
    reads: StoreReads,
    usage: Option<(UsageSnapshot, EpochMs)>,
    asked_at: Option<EpochMs>,
}

impl Tally {
    fn is_told(&self) -> bool {
        self.bytes == 0 && self.reads == StoreReads::default()
    }
}

/// The accounts at a PoP.
#[derive(Debug, Default)]
pub struct Tallies(BTreeMap<Id, Tally>);

impl Tallies {
    /// Counts; returns what the account's ledger has not been told in all.
    pub fn add(&mut self, counted: Counted) -> Counted {
        let tally = self.0.entry(counted.account).or_default();
        tally.bytes = tally.bytes.saturating_add(counted.bytes);
        tally.reads.add(counted.reads);
        Counted { account: counted.account, bytes: tally.bytes, reads: tally.reads }
    }

    /// Accounts whose ledger has not been told everything.
    pub fn untold(&self) -> Vec<Id> {
        self.0.iter().filter(|(_, tally)| !tally.is_told()).map(|(account, _)| *account).collect()
    }

    /// What the account's ledger is to be told now; from now on it counts as told.
    pub fn take(&mut self, account: Id) -> Counted {
        let tally = self.0.entry(account).or_default();
        Counted { account, bytes: std::mem::take(&mut tally.bytes), reads: std::mem::take(&mut tally.reads) }
    }

    /// Notes a ledger's answer of `now`.
    pub fn note(&mut self, account: Id, usage: UsageSnapshot, now: EpochMs) {
        self.0.entry(account).or_default().usage = Some((usage, now));
        self.evict(now);
    }

    /// The account's usage, with what its ledger has not been told; None if it is not known well enough.
    pub fn usage(&self, account: Id, now: EpochMs) -> Option<UsageSnapshot> {
        let tally = self.0.get(&account)?;
        let (usage, _) = tally.usage.as_ref().filter(|(_, at)| now.since(*at) < USAGE_MS)?;
        Some(UsageSnapshot { bandwidth_used: usage.bandwidth_used.saturating_add(tally.bytes), ..usage.clone() })
    }

    /// Whether the account's ledger is to be asked for its usage: it is not known and nobody is asking.
    pub fn must_ask(&mut self, account: Id, now: EpochMs) -> bool {
        if self.usage(account, now).is_some() {
            return false;
        }
        let tally = self.0.entry(account).or_default();
        let asks = tally.asked_at.is_none_or(|at| now.since(at) >= ASKING_MS);
        if asks {
            tally.asked_at = Some(now);
        }
        asks
    }

    /// Forgets accounts of which nothing is untold, those without known usage first, if there are too many.
    fn evict(&mut self, now: EpochMs) {
        if self.0.len() <= MAX_IDLE {
            return;
        }
        self.0.retain(|_, tally| !tally.is_told() || tally.usage.as_ref().is_some_and(|(_, at)| now.since(*at) < USAGE_MS));
        let excess = self.0.len().saturating_sub(MAX_IDLE);
        let told: Vec<Id> = self.0.iter().filter(|(_, tally)| tally.is_told()).map(|(account, _)| *account).take(excess).collect();
        for account in told {
            self.0.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(1_000_000);

    fn account(n: u16) -> Id {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        Id::from_random(bytes)
    }

    fn counted(account: Id, bytes: u64) -> Counted {
        Counted { account, bytes, reads: StoreReads { bytes: 1, usd: 0.25 } }
    }

    fn usage(bandwidth_used: u64) -> UsageSnapshot {
        let limits = serde_json::from_value(serde_json::json!({
            "storage": 0, "bandwidth": 1_000, "per_minute": 1, "version": [0, 0]
        }));
        UsageSnapshot { bandwidth_used, ..UsageSnapshot::unused(limits.unwrap(), NOW) }
    }

    #[test]
    fn reports_of_isolates_add_up_and_are_told_once() {
        let mut tallies = Tallies::default();
        tallies.add(counted(account(1), 5));
        assert_eq!(tallies.add(counted(account(1), 6)), Counted { account: account(1), bytes: 11, reads: StoreReads { bytes: 2, usd: 0.5 } });
        tallies.add(counted(account(2), 1));
        assert_eq!(tallies.untold(), [account(1), account(2)]);
        assert_eq!(tallies.take(account(1)).bytes, 11);
        assert_eq!((tallies.take(account(1)).bytes, tallies.untold()), (0, vec![account(2)]));
    }

    #[test]
    fn usage_has_what_the_ledger_was_not_told_and_is_unknown_after_30_s() {
        let mut tallies = Tallies::default();
        tallies.note(account(1), usage(100), NOW);
        tallies.add(counted(account(1), 5));
        let seen = |tallies: &Tallies, at: EpochMs| tallies.usage(account(1), at).map(|usage| usage.bandwidth_used);
        assert_eq!((seen(&tallies, NOW), seen(&tallies, NOW.plus(USAGE_MS))), (Some(105), None));
        tallies.take(account(1));
        tallies.note(account(1), usage(105), NOW.plus(1));
        assert_eq!(seen(&tallies, NOW.plus(USAGE_MS)), Some(105));
    }

    #[test]
    fn ledger_is_asked_by_one_of_many_and_again_after_5_s() {
        let mut tallies = Tallies::default();
        assert_eq!([0, 1, ASKING_MS - 1, ASKING_MS].map(|ms| tallies.must_ask(account(1), NOW.plus(ms))), [true, false, false, true]);
        tallies.note(account(1), usage(0), NOW.plus(ASKING_MS));
        assert!(!tallies.must_ask(account(1), NOW.plus(2 * ASKING_MS)));
    }

    #[test]
    fn accounts_of_3000_are_bounded_and_nothing_untold_is_lost() {
        let mut tallies = Tallies::default();
        for n in 0..3_000 {
            if n % 3 == 0 {
                tallies.add(counted(account(n), 1));
            }
            tallies.note(account(n), usage(0), NOW);
        }
        assert_eq!((tallies.0.len(), tallies.untold().len()), (MAX_IDLE, 1_000));
    }
}
