//! What operators and the identity backend asked for, and what they were told.

use std::collections::{BTreeMap, BTreeSet};

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::shard::Whereabouts;
use jettyspeed_edge::namespaces::role::Role;
use jettyspeed_edge::problem::Problem;

use crate::model_keys::Slots;
use crate::operations::Told;
use crate::parties::{ACCOUNTS, SPACES, USERS, id, key_hash};
use crate::settings::Settings;

/// How long a call of unknown end may still have an effect, ms: what it has begun goes on for half a minute.
const UNCLEAR_MS: u64 = 60_000;

/// How a call on a value ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End<T> {
    /// The value was set.
    Set(T),
    /// Nothing was changed.
    Same,
    /// Whether it was set is unknown.
    Unclear,
}

impl<T> End<T> {
    /// Of a call that sets `value`.
    pub fn of(told: &Told, value: T) -> End<T> {
        match told {
            Some(Ok(_)) => End::Set(value),
            told => End::refused(told),
        }
    }

    /// Of a call that was not successful.
    pub fn refused(told: &Told) -> End<T> {
        match told {
            // A change that was not confirmed may have been made.
            Some(Err(Problem::StillRunning)) | None => End::Unclear,
            Some(Err(problem)) if problem.kind().status < 500 => End::Same,
            _ => End::Unclear,
        }
    }
}

/// A value that calls set one after the other or at once: known while none is under way and none has ended unclearly.
#[derive(Debug, Clone)]
pub struct Register<T> {
    value: Option<T>,
    /// Calls that have begun.
    pub begun: u64,
    open: u64,
    unclear_until: u64,
    since: u64,
}

/// A call under way.
#[derive(Debug, Clone)]
pub struct Turn<T> {
    number: u64,
    is_alone: bool,
    before: Option<T>,
}

impl<T: Clone> Register<T> {
    /// With the value that it begins with.
    pub fn new(value: Option<T>) -> Register<T> {
        Register { value, begun: 0, open: 0, unclear_until: 0, since: 0 }
    }

    /// A call begins.
    pub fn begin(&mut self) -> Turn<T> {
        self.begun += 1;
        self.open += 1;
        Turn { number: self.begun, is_alone: self.open == 1, before: self.value.take() }
    }

    /// A call ends; whether no other was under way meanwhile.
    pub fn end(&mut self, turn: Turn<T>, end: End<T>, now: u64) -> bool {
        self.open = self.open.saturating_sub(1);
        let is_alone = turn.is_alone && self.begun == turn.number && now > self.unclear_until;
        self.since = now;
        match end {
            End::Set(value) if is_alone => self.value = Some(value),
            End::Same if is_alone => self.value = turn.before,
            End::Unclear => {
                self.unclear_until = now + UNCLEAR_MS;
                self.value = None;
            }
            _ => self.value = None,
        }
        is_alone
    }

    /// Something else changes it.
    pub fn disturb(&mut self) {
        self.begun += 1;
        self.value = None;
    }

    /// Whether a call is under way.
    pub fn is_changing(&self) -> bool {
        self.open > 0
    }

    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// When the last call ended.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// Whether a call is under way.
    pub fn is_open(&self) -> bool {
        self.open > 0
    }
}

/// Credentials that were told.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Hash of the key.
    pub key: Sha256Hex,
    /// Hash of the secret.
    pub secret: Sha256Hex,
    /// Until when they certainly are good.
    pub good_until: u64,
    /// From when they certainly are not.
    pub dead_from: u64,
}

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    /// The account that was told.
    pub id: Option<Id>,
    /// Whether it is suspended.
    pub suspended: Register<bool>,
    /// Its tier.
    pub tier: Register<String>,
    /// Its newest credentials, an index into `pairs`.
    pub newest: Register<usize>,
    /// All credentials that were told, oldest first.
    pub pairs: Vec<Pair>,
    /// When the first call that may have created its credentials began, and when the last one had ended.
    pub created: Option<(u64, u64)>,
    /// The most that it was ever allowed: GB, objects, uploads.
    pub ceiling: (u64, u64, u64),
    /// Files of videos that it has sent.
    pub puts: u64,
}

/// What was counted for an account, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bandwidth {
    /// Everything that was sent.
    pub begun: u64,
    /// Charges that were told.
    pub charged: u64,
    /// Reports that were told.
    pub reported: u64,
    /// Whether the ledger lost its storage.
    pub lost: bool,
}

/// A namespace that operators create.
#[derive(Debug, Clone)]
pub struct Space {
    /// Whether it exists.
    pub exists: Register<bool>,
    /// Its display name.
    pub display: Register<String>,
    /// Members by user.
    pub members: BTreeMap<usize, Register<Option<Role>>>,
    /// Times that it was created, as far as was told; and calls that may have deleted it.
    pub created: u64,
    /// See `created`.
    pub drops: u64,
    /// Purges that were begun, and the generations that were told.
    pub purges: (u64, BTreeSet<u64>),
}

/// What the directory says: kind, name and where it is.
pub type Directory = Vec<(String, String, Whereabouts)>;

/// The model.
#[derive(Debug, Default)]
pub struct Administration {
    /// Users, by their number.
    pub users: Vec<User>,
    /// Namespaces, by their number.
    pub spaces: Vec<Space>,
    /// What tiers hold at the most: GB, objects, uploads.
    pub tiers: BTreeMap<&'static str, (u64, u64, u64)>,
    /// Counted bytes, by account.
    pub bandwidth: [Bandwidth; ACCOUNTS],
    /// Answers to requests with keys.
    pub slots: Slots,
    /// What isolates have read of the directory, with the time: kind, name, where.
    pub whereabouts: BTreeMap<u64, (u64, Directory)>,
    /// Accounts that isolates remember, with the time until which: by isolate and key.
    pub remembered: BTreeMap<(u64, String), (jettyspeed_edge::accounts::account::Account, u64)>,
}

impl Administration {
    /// As every history begins.
    pub fn new(settings: &Settings) -> Administration {
        let (storage, objects, uploads) = settings.quota;
        let tiers = BTreeMap::from([
            ("free", (0, 0, 0)),
            ("starter", (2, 2, 1)),
            ("pro", (storage, objects, uploads)),
            ("business", (storage + 3, objects + 3, uploads + 2)),
        ]);
        let users = (0..USERS).map(|number| {
            let is_there = number < ACCOUNTS;
            let hash = key_hash(number);
            let first = Pair { key: hash.clone(), secret: hash, good_until: u64::MAX, dead_from: u64::MAX };
            User {
                id: is_there.then(|| id(number)),
                suspended: Register::new(is_there.then_some(false)),
                tier: Register::new(is_there.then(|| "pro".to_owned())),
                newest: Register::new(is_there.then_some(0)),
                pairs: if is_there { vec![first] } else { vec![] },
                created: None,
                ceiling: if is_there { (storage, objects, uploads) } else { (0, 0, 0) },
                puts: 0,
            }
        });
        let spaces = (0..SPACES.len()).map(|space| {
            let members = (0..USERS).map(|user| (user, Register::new(Some((space == 0 && user < 2).then_some(Role::Member)))));
            Space {
                exists: Register::new(Some(space == 0)),
                display: Register::new(None),
                members: members.collect(),
                created: u64::from(space == 0),
                drops: 0,
                purges: (0, BTreeSet::new()),
            }
        });
        Administration { users: users.collect(), spaces: spaces.collect(), tiers, ..Administration::default() }
    }

    /// A user may have been moved to a tier.
    pub fn raise_ceiling(&mut self, user: usize, tier: &str) {
        if let (Some(user), Some(new)) = (self.users.get_mut(user), self.tiers.get(tier)) {
            let old = user.ceiling;
            user.ceiling = (old.0.max(new.0), old.1.max(new.1), old.2.max(new.2));
        }
    }

    /// Accounts of a tier may have been allowed more.
    pub fn raise_tier(&mut self, tier: &'static str, storage: u64, objects: u64) {
        let old = self.tiers.entry(tier).or_default();
        *old = (old.0.max(storage), old.1.max(objects), old.2);
        for user in 0..USERS {
            self.raise_ceiling(user, tier);
        }
    }
}

impl Space {
    /// It may be deleted, and everything that was known of it with it.
    pub fn disturb(&mut self) {
        self.display.disturb();
        self.members.values_mut().for_each(Register::disturb);
    }
}

impl User {
    /// Notes credentials that were told; their index.
    pub fn note(&mut self, key: Sha256Hex, secret: Sha256Hex) -> usize {
        if let Some(known) = self.pairs.iter().position(|pair| pair.key == key && pair.secret == secret) {
            return known;
        }
        self.pairs.push(Pair { key, secret, good_until: u64::MAX, dead_from: u64::MAX });
        self.pairs.len() - 1
    }

    /// A rotation has ended: alone, with the old credentials good until an instant between those two; or unclearly.
    pub fn rotated(&mut self, new: Option<usize>, until: Option<(u64, u64)>, remembered: u64) {
        for (_, pair) in self.pairs.iter_mut().enumerate().filter(|(number, _)| Some(*number) != new) {
            match until {
                Some((least, most)) => {
                    pair.good_until = pair.good_until.min(least);
                    pair.dead_from = pair.dead_from.min(most.max(remembered));
                }
                None => pair.good_until = 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_known_after_a_call_that_was_alone() {
        let mut register = Register::new(Some(1));
        let turn = register.begin();
        assert_eq!(register.known(), None);
        assert!(register.end(turn, End::Set(2), 10));
        assert_eq!(register.known(), Some(&2));
        let turn = register.begin();
        register.end(turn, End::Same, 11);
        assert_eq!(register.known(), Some(&2), "a refused call changes nothing");
        let (one, other) = (register.begin(), register.begin());
        register.end(one, End::Set(3), 12);
        register.end(other, End::Set(4), 13);
        assert_eq!(register.known(), None, "two at once");
        let turn = register.begin();
        register.end(turn, End::Unclear, 14);
        let turn = register.begin();
        register.end(turn, End::Set(5), 15);
        assert_eq!(register.known(), None, "the unclear one may still come");
        let turn = register.begin();
        register.end(turn, End::Set(6), 15 + UNCLEAR_MS);
        assert_eq!(register.known(), Some(&6));
    }
}
