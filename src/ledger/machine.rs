//! The ledger's state machine: applies messages to the state and returns the writes that must precede the reply.

use std::collections::BTreeMap;

use crate::auth::rate_limit;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::accrual::{ACCRUAL_CHECKPOINT_MS, Accrual, StoreReads};
use crate::ledger::message::{Message, Reply, UsageSnapshot};
use crate::ledger::period::Period;
use crate::ledger::quota_level::quota_level;
use crate::ledger::state::{Claim, Effect, Facts, Holding, LedgerState, Limits, PendingCheck, Reserved, Usage};
use crate::ledger::timing::{CHECKPOINT_MS, COUNT_CHECKPOINT_MS, DELETE_GRACE_MS, LIMITS_MS, TRAFFIC_CHECKPOINT_MS};

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;

/// PUTs of video files per call of the JSON API that the rate limit allows: a video has many files.
const VIDEO_FILES_PER_REQUEST: u64 = 10;

/// Advance of the rate limiter after which its state is written again, µs: an eighth of the window. An eviction loses at most this much.
const RATE_STATE_SLACK_US: u64 = 7_500_000;

/// Age at which the written state of the rate limiter is replaced, ms.
const RATE_STATE_STALE_MS: u64 = 1_000;

/// A ledger in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// See [`LedgerState`].
    pub books: LedgerState,
    /// Pending checks by asset.
    pub watches: BTreeMap<Id, PendingCheck>,
    reserved: Reserved,
    /// The states of the two rate limiters as last written, and when.
    written: ([u64; 2], EpochMs),
    /// When limits from a lookup were last received.
    limits_at: EpochMs,
}

impl Ledger {
    /// Restores a ledger from storage.
    pub fn load(books: LedgerState, watches: BTreeMap<Id, PendingCheck>) -> Ledger {
        let reserved = watches.values().map(PendingCheck::reserved).fold(Reserved::NONE, Reserved::plus);
        let written = ([books.tat_us, books.video_tat_us], EpochMs(0));
        Ledger { books, watches, reserved, written, limits_at: EpochMs(0) }
    }

    /// A new ledger, with the used bytes, the number of holdings and the open uploads according to D1.
    pub fn open(account: Id, limits: Limits, (used, objects): (u64, u64), open: BTreeMap<Id, PendingCheck>, now: EpochMs) -> Ledger {
        let books = LedgerState { checkpoint: Some(now.plus(CHECKPOINT_MS)), ..LedgerState::begin(account, limits, (used, objects), now) };
        Ledger { limits_at: now, ..Ledger::load(books, open) }
    }

    /// Whether D1 must be queried for the limits before `message` is applied: it carries none, and the last ones are older than [`LIMITS_MS`].
    pub fn wants_limits(&self, message: &Message, now: EpochMs) -> bool {
        let without_limits = matches!(message, Message::Admit { limits: None, .. } | Message::Usage { limits: None } | Message::Meter { .. });
        without_limits && now.since(self.limits_at) >= LIMITS_MS
    }

    /// What uploads that have not ended reserve.
    pub fn reserved(&self) -> Reserved {
        self.reserved
    }

    /// Number of holdings.
    pub fn objects(&self) -> u64 {
        self.books.objects.unwrap_or_default()
    }

    /// Applies one message at `now`. The effects must be durable before the reply leaves.
    pub fn apply(&mut self, message: Message, facts: Facts, now: EpochMs) -> (Reply, Vec<Effect>) {
        let rolled = self.roll(now);
        let stored = self.books.used;
        let is_of_upload = matches!(message, Message::Reserve { .. } | Message::Settle { .. } | Message::Adopt { .. } | Message::Release { .. });
        let (reply, mut effects) = match message {
            Message::Listen { until } => {
                self.books.listened_until = Some(until);
                (Reply::Done, vec![Effect::PutState])
            }
            Message::Admit { limits, video_file } => self.admit(limits, video_file, now),
            Message::Reserve { asset, bytes, look_at, limits, place, session, replaces } => {
                let claim = if session { Claim::Upload } else { Claim::Object };
                self.reserve(asset, (PendingCheck { bytes, claim, ..PendingCheck::of_request(look_at) }, place, replaces), limits, facts, now)
            }
            Message::Settle { asset, object, size } => self.settle(asset, Holding { object, size }, facts, now),
            Message::Adopt { asset, object, size, limits } => self.adopt_object(asset, Holding { object, size }, limits, facts, now),
            Message::Release { asset } => self.release(asset, facts, now),
            Message::ScheduleCheck { asset, look_at } => self.schedule_check(asset, look_at),
            Message::Meter { bytes, reads } => self.meter(bytes, reads, now),
            Message::Charge { bytes, limits } => self.charge(bytes, limits, now),
            Message::Keep { bytes, until, limit, limits } => self.keep(bytes, until, limit, limits, now),
            Message::Usage { limits } => {
                let changed = self.adopt_limits(limits, now);
                (Reply::State { figures: self.figures() }, changed)
            }
            Message::Statement => (self.months(now), vec![]),
            // What holds the ledger forgets it, if there is nothing to wait for.
            Message::Close { .. } => (Reply::Pending, vec![]),
            Message::Change { limits } => (Reply::Done, self.adopt_limits(Some(limits), now)),
        };
        if self.books.used != stored {
            self.books.accrual.store(stored, now, self.books.period);
        }
        if rolled {
            effects.push(Effect::PutState);
        }
        if effects.contains(&Effect::PutState) {
            self.written = ([self.books.tat_us, self.books.video_tat_us], now);
        }
        let is_heard = is_of_upload && self.books.listened_until.is_some_and(|until| until > now);
        (if is_heard && reply == Reply::Done { Reply::Listened } else { reply }, effects)
    }

    /// When the Durable Object's alarm is due: for the next checkpoint or pending check.
    pub fn alarm(&self) -> Option<EpochMs> {
        self.watches.values().map(|check| check.at).chain(self.books.checkpoint).chain(self.accrual_checkpoint()).min()
    }

    /// When storage that nobody changes is to be written to D1: daily, and at the end of the month, because it is recorded in both months.
    fn accrual_checkpoint(&self) -> Option<EpochMs> {
        let LedgerState { used, accrual, period, .. } = &self.books;
        (*used > 0).then(|| accrual.until.max(period.start()).plus(ACCRUAL_CHECKPOINT_MS).min(period.end()))
    }

    /// The usage to write to D1, if a checkpoint is due. The next one is due after [`CHECKPOINT_MS`] until [`Ledger::checkpointed`] confirms the write.
    /// Nothing of this need be stored: a ledger that is loaded again before the confirmation comes to the same, because its stored checkpoint is still due.
    pub fn due_checkpoint(&mut self, now: EpochMs) -> Option<Vec<Usage>> {
        self.roll(now);
        self.books.checkpoint.into_iter().chain(self.accrual_checkpoint()).find(|due| *due <= now)?;
        self.books.accrual.store(self.books.used, now, self.books.period);
        self.books.checkpoint = Some(now.plus(CHECKPOINT_MS));
        let mut usage = self.books.closed.clone();
        usage.push(self.usage());
        Some(usage)
    }

    /// Confirms that this usage was written to D1.
    pub fn checkpointed(&mut self, written: &[Usage]) {
        self.books.closed.retain(|month| !written.contains(month));
        if self.books.closed.is_empty() && written.last() == Some(&self.usage()) {
            self.books.checkpoint = None;
        }
    }

    /// The level of the storage quota that is reached, if alerts were decided for another one.
    pub fn new_quota_level(&self) -> Option<u8> {
        let level = quota_level(self.books.used, self.books.limits.storage);
        (level != self.books.quota_level).then_some(level)
    }

    /// Usage and limits.
    pub fn figures(&self) -> UsageSnapshot {
        UsageSnapshot {
            period: self.books.period,
            storage_used: self.books.used,
            storage_reserved: self.reserved.bytes,
            objects_used: self.objects(),
            objects_reserved: self.reserved.objects,
            uploads_open: self.reserved.uploads,
            bandwidth_used: self.books.bandwidth,
            requests: self.books.requests,
            seen_at: self.books.seen_at,
            limits: self.books.limits,
        }
    }

    /// The current month up to `now`, and those before it that may not be written.
    fn months(&self, now: EpochMs) -> Reply {
        let mut current = self.usage();
        current.accrual.store(self.books.used, now, self.books.period);
        Reply::Months { current, closed: self.books.closed.clone() }
    }

    fn usage(&self) -> Usage {
        let LedgerState { period, used, bandwidth, requests, accrual, .. } = self.books;
        Usage { period, storage: used, bandwidth, requests, accrual }
    }

    fn schedule_checkpoint(&mut self, now: EpochMs) {
        self.schedule_checkpoint_within(now, CHECKPOINT_MS);
    }

    fn schedule_checkpoint_within(&mut self, now: EpochMs, ms: u64) {
        let due = now.plus(ms);
        self.books.checkpoint = Some(self.books.checkpoint.map_or(due, |earlier| earlier.min(due)));
    }

    /// Begins a new month if `now` is past the current one. A clock that steps back does not begin one.
    fn roll(&mut self, now: EpochMs) -> bool {
        let period = Period::of(now);
        if period <= self.books.period {
            return false;
        }
        // Months in which nothing is stored and nobody calls have no usage.
        while self.books.period < period {
            let end = self.books.period.end();
            self.books.accrual.store(self.books.used, end, self.books.period);
            let ended = self.usage();
            self.books.closed.push(ended);
            self.books.period = if self.books.used > 0 { self.books.period.next() } else { period };
            self.books.accrual = Accrual::since(self.books.period.start());
            self.books.bandwidth = 0;
            self.books.requests = 0;
        }
        self.schedule_checkpoint(now);
        true
    }

    fn adopt_limits(&mut self, limits: Option<Limits>, now: EpochMs) -> Vec<Effect> {
        if limits.is_some_and(|limits| limits.version >= self.books.limits.version) {
            self.limits_at = now;
        }
        match limits {
            Some(limits) if limits.version >= self.books.limits.version && limits != self.books.limits => {
                self.books.limits = limits;
                vec![Effect::PutState]
            }
            _ => vec![],
        }
    }

    fn admit(&mut self, limits: Option<Limits>, video_file: bool, now: EpochMs) -> (Reply, Vec<Effect>) {
        let mut effects = self.adopt_limits(limits, now);
        self.books.seen_at = Some(now);
        let per_minute = self.books.limits.per_minute;
        let pace = if video_file {
            rate_limit::admit_per_minute(&mut self.books.video_tat_us, per_minute.saturating_mul(VIDEO_FILES_PER_REQUEST), now.0)
        } else {
            self.books.requests = self.books.requests.saturating_add(1);
            rate_limit::admit_per_minute(&mut self.books.tat_us, per_minute, now.0)
        };
        let ([tat, video_tat], at) = self.written;
        let advance = self.books.tat_us.abs_diff(tat).max(self.books.video_tat_us.abs_diff(video_tat));
        if advance >= RATE_STATE_SLACK_US || now.since(at) >= RATE_STATE_STALE_MS {
            self.schedule_checkpoint_within(now, COUNT_CHECKPOINT_MS);
            effects.push(Effect::PutState);
        }
        (Reply::Paced { pace, suspended: self.books.limits.suspended }, effects)
    }

    fn keep(&mut self, bytes: u64, until: EpochMs, limit: u64, limits: Limits, now: EpochMs) -> (Reply, Vec<Effect>) {
        let mut effects = self.adopt_limits(Some(limits), now);
        if self.books.limits.suspended {
            return (Reply::Suspended, effects);
        }
        match self.books.responses.keep(bytes, until, limit, now) {
            Ok(()) => {
                effects.push(Effect::PutState);
                (Reply::Done, effects)
            }
            Err(used) => (Reply::StorageFull { limit, used, reserved: 0 }, effects),
        }
    }

    fn reserve(
        &mut self,
        asset: Id,
        (check, place, replaces): (PendingCheck, Option<String>, bool),
        limits: Limits,
        facts: Facts,
        now: EpochMs,
    ) -> (Reply, Vec<Effect>) {
        let mut effects = self.adopt_limits(Some(limits), now);
        if self.books.limits.suspended {
            return (Reply::Suspended, effects);
        }
        let known = self.watches.get(&asset).filter(|known| !known.last).map(|known| known.at);
        if facts.holding.is_some() || known.is_some() {
            // Reserved again by a start that takes long: what a check under way has seen is too old.
            let is_later = known.is_some_and(|at| at < check.at);
            effects.extend(if is_later { self.postpone(asset, check.at) } else { vec![] });
            return (Reply::Done, effects);
        }
        let limit = self.books.limits.storage;
        // A quota of 0 refuses even empty files.
        let required = self.books.used.saturating_add(self.reserved.bytes).saturating_add(check.bytes);
        if limit == 0 || required > limit {
            return (Reply::StorageFull { limit, used: self.books.used, reserved: self.reserved.bytes }, effects);
        }
        let counted = if replaces { Reserved { objects: 0, ..check.reserved() } } else { check.reserved() };
        if let Some(refusal) = self.counts_refuse(counted) {
            return (refusal, effects);
        }
        self.reserved = self.reserved.plus(check.reserved());
        self.watches.insert(asset, check);
        effects.extend(place.map(|place| Effect::PutPlace(asset, place)));
        effects.push(Effect::PutPendingCheck(asset, check));
        (Reply::Done, effects)
    }

    /// The refusal of what would exceed a count of the tier.
    fn counts_refuse(&self, wanted: Reserved) -> Option<Reply> {
        let Limits { objects: most_objects, uploads: most_uploads, .. } = self.books.limits;
        let objects = self.objects().saturating_add(self.reserved.objects);
        if wanted.objects > 0 && objects.saturating_add(wanted.objects) > most_objects {
            return Some(Reply::ObjectsFull { limit: most_objects, used: objects });
        }
        let uploads = self.reserved.uploads;
        let full = wanted.uploads > 0 && uploads.saturating_add(wanted.uploads) > most_uploads;
        full.then_some(Reply::UploadsFull { limit: most_uploads, used: uploads })
    }

    pub(super) fn drop_check(&mut self, asset: Id) -> Vec<Effect> {
        match self.watches.remove(&asset) {
            Some(check) => {
                self.reserved = self.reserved.minus(check.reserved());
                vec![Effect::DropPendingCheck(asset)]
            }
            None => vec![],
        }
    }

    fn settle(&mut self, asset: Id, holding: Holding, facts: Facts, now: EpochMs) -> (Reply, Vec<Effect>) {
        let check = self.watches.get(&asset).copied();
        let reserved = check.is_some_and(|check| !check.doubt || check.reserved() != Reserved::NONE);
        if facts.holding.is_none() && !reserved {
            // The report came after its reservation was released; the asset may be deleted already and the room reserved by others. D1 decides.
            return (Reply::Done, if check.is_some() { vec![] } else { self.force_check(asset, now) });
        }
        let moves = facts.holding.is_some_and(|held| held.object != holding.object);
        let mut effects = self.end_reservation(asset);
        effects.extend(self.record_holding(asset, holding, facts, now));
        if moves && !check.is_some_and(|check| check.doubt) {
            // A merge schedules a check beforehand. This report came after that check, so it may be older than what the check found: check again.
            effects.extend(self.schedule_check(asset, now.plus(DELETE_GRACE_MS)).1);
        }
        (Reply::Done, effects)
    }

    /// Records which object the asset references.
    fn record_holding(&mut self, asset: Id, holding: Holding, facts: Facts, now: EpochMs) -> Vec<Effect> {
        let write = match facts.holding {
            Some(held) if held == holding => return vec![],
            // A file of a video whose bytes turned out to be others: it shares its object with none.
            Some(held) if held.object == holding.object => {
                self.books.used = self.books.used.saturating_sub(held.size).saturating_add(holding.size);
                Effect::PutHolding(asset, holding)
            }
            Some(held) => {
                self.books.used = self.books.used.saturating_sub(if facts.shared.is_some() { held.size } else { 0 });
                Effect::MoveHoldings(held.object, holding.object)
            }
            None => {
                self.books.used = self.books.used.saturating_add(if facts.shared.is_some() { 0 } else { holding.size });
                self.books.objects = Some(self.objects().saturating_add(1));
                Effect::PutHolding(asset, holding)
            }
        };
        self.schedule_checkpoint(now);
        vec![write, Effect::PutState]
    }

    fn force_check(&mut self, asset: Id, now: EpochMs) -> Vec<Effect> {
        let check = PendingCheck::forced(now.plus(DELETE_GRACE_MS));
        self.watches.insert(asset, check);
        vec![Effect::PutPendingCheck(asset, check)]
    }

    /// Releases what is reserved; a forced check stays pending.
    fn end_reservation(&mut self, asset: Id) -> Vec<Effect> {
        match self.watches.get_mut(&asset) {
            Some(check) if check.doubt => {
                self.reserved = self.reserved.minus(check.reserved());
                (check.bytes, check.claim) = (0, Claim::Nothing);
                vec![Effect::PutPendingCheck(asset, *check)]
            }
            _ => self.drop_check(asset),
        }
    }

    fn adopt_object(&mut self, asset: Id, holding: Holding, limits: Limits, facts: Facts, now: EpochMs) -> (Reply, Vec<Effect>) {
        let mut effects = self.adopt_limits(Some(limits), now);
        let Limits { storage: limit, suspended, .. } = self.books.limits;
        if suspended {
            return (Reply::Suspended, effects);
        }
        let cost = if facts.shared.is_some() || facts.holding.is_some() { 0 } else { holding.size };
        let required = self.books.used.saturating_add(self.reserved.bytes).saturating_add(cost);
        if limit == 0 || (cost > 0 && required > limit) {
            return (Reply::StorageFull { limit, used: self.books.used, reserved: self.reserved.bytes }, effects);
        }
        let objects = facts.holding.is_none().into();
        if let Some(refusal) = self.counts_refuse(Reserved { objects, ..Reserved::NONE }) {
            return (refusal, effects);
        }
        if facts.holding.is_none() && !self.watches.contains_key(&asset) {
            // The asset exists only once D1 has its row: check it.
            effects.extend(self.force_check(asset, now));
        }
        effects.extend(self.record_holding(asset, holding, facts, now));
        (Reply::Done, effects)
    }

    fn release(&mut self, asset: Id, facts: Facts, now: EpochMs) -> (Reply, Vec<Effect>) {
        let check_forced = self.watches.get(&asset).is_some_and(|check| check.doubt);
        // The last check looks also after reports, which may be about an earlier state.
        let mut effects = if self.watches.get(&asset).is_some_and(|check| check.last) { vec![] } else { self.drop_check(asset) };
        // A late report about this asset may have moved the other holdings of its object as well; the check that would correct them is dropped here.
        if let (true, Some(_), Some(other)) = (check_forced, facts.holding, facts.shared) {
            effects.extend(self.schedule_check(other, now.plus(DELETE_GRACE_MS)).1);
        }
        if let Some(holding) = facts.holding {
            if facts.shared.is_none() {
                self.books.used = self.books.used.saturating_sub(holding.size);
            }
            self.books.objects = Some(self.objects().saturating_sub(1));
            self.schedule_checkpoint(now);
            effects.extend([Effect::DropHolding(asset), Effect::PutState]);
        }
        (Reply::Done, effects)
    }

    fn schedule_check(&mut self, asset: Id, at: EpochMs) -> (Reply, Vec<Effect>) {
        // Move the check later, never earlier: a query that is running may have read the previous state.
        let check = self.watches.get(&asset).map_or(PendingCheck::forced(at), |known| PendingCheck {
            at: known.at.plus(1).max(at),
            doubt: true,
            last: false,
            ..*known
        });
        let check = PendingCheck { announced: true, ..check };
        self.watches.insert(asset, check);
        (Reply::Done, vec![Effect::PutPendingCheck(asset, check)])
    }

    fn meter(&mut self, bytes: u64, reads: StoreReads, now: EpochMs) -> (Reply, Vec<Effect>) {
        let mut effects = Vec::new();
        if bytes > 0 || reads != StoreReads::default() {
            self.books.bandwidth = self.books.bandwidth.saturating_add(bytes);
            self.books.accrual.read(reads);
            self.schedule_checkpoint_within(now, TRAFFIC_CHECKPOINT_MS);
            effects.push(Effect::PutState);
        }
        (Reply::State { figures: self.figures() }, effects)
    }

    fn charge(&mut self, bytes: u64, limits: Limits, now: EpochMs) -> (Reply, Vec<Effect>) {
        let adopted = self.adopt_limits(Some(limits), now);
        let figures = self.figures();
        if figures.limits.suspended {
            return (Reply::Suspended, adopted);
        }
        if figures.bandwidth_is_used_up() {
            let resets = self.books.period.end();
            return (Reply::BandwidthFull { limit: figures.limits.bandwidth, used: figures.bandwidth_used, resets }, adopted);
        }
        self.meter(bytes, StoreReads::default(), now)
    }
}
