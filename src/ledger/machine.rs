//! The rules of booking.

use std::collections::BTreeMap;

use crate::auth::rate_limit;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::message::{Message, Reply, UsageSnapshot};
use crate::ledger::period::Period;
use crate::ledger::state::{Effect, Facts, Holding, LedgerState, Limits, PendingCheck, Seen, Usage};
use crate::ledger::timing::{CHECKPOINT_MS, COMING_MS, COUNT_CHECKPOINT_MS, DELETE_GRACE_MS, LIMITS_MS, UNCLEAR_MS};

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;

/// How many µs the pace may have moved before it is written again: an eighth of the window. An object that is evicted forgets at most that.
const PACE_SLACK_US: u64 = 7_500_000;

/// The same in time, ms.
const PACE_STALE_MS: u64 = 1_000;

/// A ledger in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// See [`LedgerState`].
    pub books: LedgerState,
    /// By asset.
    pub watches: BTreeMap<Id, PendingCheck>,
    reserved: u64,
    written: (u64, EpochMs),
    /// When somebody who had looked it up last told the limits.
    told: EpochMs,
}

impl Ledger {
    /// What storage remembers.
    pub fn load(books: LedgerState, watches: BTreeMap<Id, PendingCheck>) -> Ledger {
        let reserved = watches.values().map(|watch| watch.bytes).sum();
        let written = (books.tat_us, EpochMs(0));
        Ledger { books, watches, reserved, written, told: EpochMs(0) }
    }

    /// A ledger at its opening, with what D1 says is stored.
    pub fn open(account: Id, limits: Limits, used: u64, now: EpochMs) -> Ledger {
        let period = Period::of(now);
        let books = LedgerState {
            account,
            limits,
            used,
            period,
            bandwidth: 0,
            requests: 0,
            tat_us: 0,
            closed: Vec::new(),
            checkpoint: Some(now.plus(CHECKPOINT_MS)),
        };
        Ledger { told: now, ..Ledger::load(books, BTreeMap::new()) }
    }

    /// Whether D1 is to be asked for the limits before `message` is booked: nobody who knows them came for a while, nor does now.
    pub fn wants_limits(&self, message: &Message, now: EpochMs) -> bool {
        let blind = matches!(message, Message::Admit { limits: None } | Message::Usage { limits: None } | Message::Meter { .. });
        blind && now.since(self.told) >= LIMITS_MS
    }

    /// Bytes reserved.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Applies one message at `now`. The effects must be durable before the reply leaves.
    pub fn apply(&mut self, message: Message, facts: Facts, now: EpochMs) -> (Reply, Vec<Effect>) {
        let rolled = self.roll(now);
        let (reply, mut effects) = match message {
            Message::Admit { limits } => self.admit(limits, now),
            Message::Reserve { asset, bytes, look_at, limits, place } => {
                self.reserve(asset, (PendingCheck { bytes, at: look_at, doubt: false }, place), limits, facts, now)
            }
            Message::Settle { asset, object, size } => self.settle(asset, Holding { object, size }, facts, now),
            Message::Adopt { asset, object, size, limits } => self.take(asset, Holding { object, size }, limits, facts, now),
            Message::Release { asset } => self.release(asset, facts, now),
            Message::ScheduleCheck { asset, look_at } => self.doubt(asset, look_at),
            Message::Meter { bytes } => self.meter(bytes, now),
            Message::Charge { bytes, limits } => self.charge(bytes, limits, now),
            Message::Usage { limits } => {
                let changed = self.adopt(limits, now);
                (Reply::State { figures: self.figures() }, changed)
            }
            Message::Change { limits } => (Reply::Done, self.adopt(Some(limits), now)),
        };
        if rolled {
            effects.push(Effect::PutState);
        }
        if effects.contains(&Effect::PutState) {
            self.written = (self.books.tat_us, now);
        }
        (reply, effects)
    }

    /// When the object wants to be woken: for D1's figures or for what is in doubt.
    pub fn alarm(&self) -> Option<EpochMs> {
        // What is stored over the turn of a month is written into both.
        let month = (self.books.used > 0).then(|| self.books.period.end());
        self.watches.values().map(|watch| watch.at).chain(self.books.checkpoint).chain(month).min()
    }

    /// Assets whose end is to be looked up now, at most `most`.
    pub fn due(&self, now: EpochMs, most: usize) -> Vec<(Id, PendingCheck)> {
        self.watches.iter().filter(|(_, watch)| watch.at <= now).map(|(asset, watch)| (*asset, *watch)).take(most).collect()
    }

    /// What to book of a look that began when `watch` stood: nothing if somebody told the end meanwhile.
    pub fn after_look(&self, asset: Id, watch: PendingCheck, seen: Seen, now: EpochMs) -> Outcome {
        if self.watches.get(&asset) != Some(&watch) {
            return Outcome::Nothing;
        }
        match seen {
            Seen::Stored { object, size } => Outcome::Book(Message::Settle { asset, object, size }),
            Seen::Gone => Outcome::Book(Message::Release { asset }),
            Seen::Coming => Outcome::LookAgain(now.plus(COMING_MS)),
            Seen::Unclear => Outcome::LookAgain(now.plus(UNCLEAR_MS)),
        }
    }

    /// Its end was looked into: no doubt is left.
    pub fn looked(&mut self, asset: Id) -> Vec<Effect> {
        match self.watches.get_mut(&asset) {
            Some(watch) if watch.doubt => {
                watch.doubt = false;
                vec![Effect::PutPendingCheck(asset, *watch)]
            }
            _ => vec![],
        }
    }

    /// The upload goes on: look again later.
    pub fn postpone(&mut self, asset: Id, at: EpochMs) -> Vec<Effect> {
        match self.watches.get_mut(&asset) {
            Some(watch) => {
                watch.at = at;
                vec![Effect::PutPendingCheck(asset, *watch)]
            }
            None => vec![],
        }
    }

    /// What D1 lacks, if it is due. It stays due, a little later, until [`Ledger::checkpointed`].
    pub fn due_checkpoint(&mut self, now: EpochMs) -> Option<Vec<Usage>> {
        self.roll(now);
        self.books.checkpoint.filter(|due| *due <= now)?;
        self.books.checkpoint = Some(now.plus(CHECKPOINT_MS));
        let mut usage = self.books.closed.clone();
        usage.push(self.usage());
        Some(usage)
    }

    /// D1 has it.
    pub fn checkpointed(&mut self, written: &[Usage]) {
        self.books.closed.retain(|month| !written.contains(month));
        if self.books.closed.is_empty() && written.last() == Some(&self.usage()) {
            self.books.checkpoint = None;
        }
    }

    /// The state.
    pub fn figures(&self) -> UsageSnapshot {
        UsageSnapshot {
            period: self.books.period,
            storage_used: self.books.used,
            storage_reserved: self.reserved,
            bandwidth_used: self.books.bandwidth,
            requests: self.books.requests,
            limits: self.books.limits,
        }
    }

    fn usage(&self) -> Usage {
        let LedgerState { period, used, bandwidth, requests, .. } = self.books;
        Usage { period, storage: used, bandwidth, requests }
    }

    fn dirty(&mut self, now: EpochMs) {
        self.dirty_within(now, CHECKPOINT_MS);
    }

    fn dirty_within(&mut self, now: EpochMs, ms: u64) {
        let due = now.plus(ms);
        self.books.checkpoint = Some(self.books.checkpoint.map_or(due, |earlier| earlier.min(due)));
    }

    /// Begins a new month. The clock may step back a little: that is no new month.
    fn roll(&mut self, now: EpochMs) -> bool {
        let period = Period::of(now);
        if period <= self.books.period {
            return false;
        }
        let ended = self.usage();
        self.books.closed.push(ended);
        self.books.period = period;
        self.books.bandwidth = 0;
        self.books.requests = 0;
        self.dirty(now);
        true
    }

    fn adopt(&mut self, limits: Option<Limits>, now: EpochMs) -> Vec<Effect> {
        if limits.is_some_and(|limits| limits.version >= self.books.limits.version) {
            self.told = now;
        }
        match limits {
            Some(limits) if limits.version >= self.books.limits.version && limits != self.books.limits => {
                self.books.limits = limits;
                vec![Effect::PutState]
            }
            _ => vec![],
        }
    }

    fn admit(&mut self, limits: Option<Limits>, now: EpochMs) -> (Reply, Vec<Effect>) {
        let mut effects = self.adopt(limits, now);
        self.books.requests = self.books.requests.saturating_add(1);
        let pace = rate_limit::admit_per_minute(&mut self.books.tat_us, self.books.limits.per_minute, now.0);
        let (tat, at) = self.written;
        if self.books.tat_us.abs_diff(tat) >= PACE_SLACK_US || now.since(at) >= PACE_STALE_MS {
            self.dirty_within(now, COUNT_CHECKPOINT_MS);
            effects.push(Effect::PutState);
        }
        (Reply::Paced { pace, suspended: self.books.limits.suspended }, effects)
    }

    fn reserve(
        &mut self,
        asset: Id,
        (watch, place): (PendingCheck, Option<String>),
        limits: Limits,
        facts: Facts,
        now: EpochMs,
    ) -> (Reply, Vec<Effect>) {
        let mut effects = self.adopt(Some(limits), now);
        if self.books.limits.suspended {
            return (Reply::Suspended, effects);
        }
        if facts.holding.is_some() || self.watches.contains_key(&asset) {
            return (Reply::Done, effects);
        }
        let limit = self.books.limits.storage;
        // A tier without storage stores nothing, not even an empty file.
        let wanted = self.books.used.saturating_add(self.reserved).saturating_add(watch.bytes);
        if limit == 0 || wanted > limit {
            return (Reply::StorageFull { limit, used: self.books.used, reserved: self.reserved }, effects);
        }
        self.reserved = self.reserved.saturating_add(watch.bytes);
        self.watches.insert(asset, watch);
        effects.extend(place.map(|place| Effect::PutPlace(asset, place)));
        effects.push(Effect::PutPendingCheck(asset, watch));
        (Reply::Done, effects)
    }

    fn unwatch(&mut self, asset: Id) -> Vec<Effect> {
        match self.watches.remove(&asset) {
            Some(watch) => {
                self.reserved = self.reserved.saturating_sub(watch.bytes);
                vec![Effect::DropPendingCheck(asset)]
            }
            None => vec![],
        }
    }

    fn settle(&mut self, asset: Id, holding: Holding, facts: Facts, now: EpochMs) -> (Reply, Vec<Effect>) {
        let watch = self.watches.get(&asset).copied();
        let reserved = watch.is_some_and(|watch| !watch.doubt || watch.bytes > 0);
        if facts.holding.is_none() && !reserved {
            // It comes after its reservation was given back, and may have been deleted before it came: others may have that room by now.
            return (Reply::Done, if watch.is_some() { vec![] } else { self.look_into(asset, now) });
        }
        let moves = facts.holding.is_some_and(|held| held.object != holding.object);
        let mut effects = self.end_reservation(asset);
        effects.extend(self.hold(asset, holding, facts, now));
        if moves && !watch.is_some_and(|watch| watch.doubt) {
            // Whoever moves something says so before. This word comes after the look that followed, and may be older than what that found.
            effects.extend(self.doubt(asset, now.plus(DELETE_GRACE_MS)).1);
        }
        (Reply::Done, effects)
    }

    /// LedgerState what the asset references.
    fn hold(&mut self, asset: Id, holding: Holding, facts: Facts, now: EpochMs) -> Vec<Effect> {
        let booked = match facts.holding {
            Some(held) if held.object == holding.object => return vec![],
            Some(held) => {
                self.books.used = self.books.used.saturating_sub(if facts.shared.is_some() { held.size } else { 0 });
                Effect::MoveHoldings(held.object, holding.object)
            }
            None => {
                self.books.used = self.books.used.saturating_add(if facts.shared.is_some() { 0 } else { holding.size });
                Effect::PutHolding(asset, holding)
            }
        };
        self.dirty(now);
        vec![booked, Effect::PutState]
    }

    fn look_into(&mut self, asset: Id, now: EpochMs) -> Vec<Effect> {
        let watch = PendingCheck { bytes: 0, at: now.plus(DELETE_GRACE_MS), doubt: true };
        self.watches.insert(asset, watch);
        vec![Effect::PutPendingCheck(asset, watch)]
    }

    /// Its bytes are no longer reserved; what is in doubt stays so.
    fn end_reservation(&mut self, asset: Id) -> Vec<Effect> {
        match self.watches.get_mut(&asset) {
            Some(watch) if watch.doubt => {
                self.reserved = self.reserved.saturating_sub(watch.bytes);
                watch.bytes = 0;
                vec![Effect::PutPendingCheck(asset, *watch)]
            }
            _ => self.unwatch(asset),
        }
    }

    fn take(&mut self, asset: Id, holding: Holding, limits: Limits, facts: Facts, now: EpochMs) -> (Reply, Vec<Effect>) {
        let mut effects = self.adopt(Some(limits), now);
        let Limits { storage: limit, suspended, .. } = self.books.limits;
        if suspended {
            return (Reply::Suspended, effects);
        }
        let cost = if facts.shared.is_some() || facts.holding.is_some() { 0 } else { holding.size };
        let wanted = self.books.used.saturating_add(self.reserved).saturating_add(cost);
        if limit == 0 || (cost > 0 && wanted > limit) {
            return (Reply::StorageFull { limit, used: self.books.used, reserved: self.reserved }, effects);
        }
        if facts.holding.is_none() && !self.watches.contains_key(&asset) {
            // Whether it will come to be is known once it is written.
            effects.extend(self.look_into(asset, now));
        }
        effects.extend(self.hold(asset, holding, facts, now));
        (Reply::Done, effects)
    }

    fn release(&mut self, asset: Id, facts: Facts, now: EpochMs) -> (Reply, Vec<Effect>) {
        let in_doubt = self.watches.get(&asset).is_some_and(|watch| watch.doubt);
        let mut effects = self.unwatch(asset);
        // What was told too late of this asset has moved the others of its object, too; the look that would have found that out was at this one.
        if let (true, Some(_), Some(other)) = (in_doubt, facts.holding, facts.shared) {
            effects.extend(self.doubt(other, now.plus(DELETE_GRACE_MS)).1);
        }
        if let Some(holding) = facts.holding {
            if facts.shared.is_none() {
                self.books.used = self.books.used.saturating_sub(holding.size);
            }
            self.dirty(now);
            effects.extend([Effect::DropHolding(asset), Effect::PutState]);
        }
        (Reply::Done, effects)
    }

    fn doubt(&mut self, asset: Id, at: EpochMs) -> (Reply, Vec<Effect>) {
        // Later than before, never sooner: a look that is under way may have seen what was before.
        let watch = self.watches.get(&asset).map_or(PendingCheck { bytes: 0, at, doubt: true }, |known| PendingCheck {
            at: known.at.plus(1).max(at),
            doubt: true,
            ..*known
        });
        self.watches.insert(asset, watch);
        (Reply::Done, vec![Effect::PutPendingCheck(asset, watch)])
    }

    fn meter(&mut self, bytes: u64, now: EpochMs) -> (Reply, Vec<Effect>) {
        let mut effects = Vec::new();
        if bytes > 0 {
            self.books.bandwidth = self.books.bandwidth.saturating_add(bytes);
            self.dirty(now);
            effects.push(Effect::PutState);
        }
        (Reply::State { figures: self.figures() }, effects)
    }

    fn charge(&mut self, bytes: u64, limits: Limits, now: EpochMs) -> (Reply, Vec<Effect>) {
        let adopted = self.adopt(Some(limits), now);
        let figures = self.figures();
        if figures.limits.suspended {
            return (Reply::Suspended, adopted);
        }
        if figures.bandwidth_is_used_up() {
            let resets = self.books.period.end();
            return (Reply::BandwidthFull { limit: figures.limits.bandwidth, used: figures.bandwidth_used, resets }, adopted);
        }
        self.meter(bytes, now)
    }
}

/// What a look comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing.
    Nothing,
    /// A booking.
    Book(Message),
    /// Another look, then.
    LookAgain(EpochMs),
}
