//! Appending to an upload by offset (tus and IETF resumable uploads): the append lease, the parked end of the contiguous prefix, and the offset.
//!
//! A request's bytes are cut at the boundaries of the session's plan. What does not fill a part is parked as a fragment, an object of its own, and put in front of
//! what comes next. Invariant: fragments continue the contiguous prefix of recorded parts, in order, within one part.

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::chunking::part_len;
use crate::uploads::session::appending::{AppendLease, Appending, MAX_FRAGMENTS};
use crate::uploads::session::machine::Session;
use crate::uploads::session::message::SessionReply;
use crate::uploads::session::progress::{Change, Progress};
use crate::uploads::session::state::{Effect, Meta, Part, Status};

/// How long an append may show no sign of life before another one may begin, ms. Clients of tus give up after about 9 s of 423 answers.
pub const APPEND_LEASE_MS: u64 = 8_000;

impl Meta {
    /// Whether it is a partial upload: it is neither counted nor told of, as the file of the final one is.
    pub fn is_partial(&self) -> bool {
        self.appending.as_ref().is_some_and(Appending::is_partial)
    }

    /// The fragments at the store, needed or not.
    pub fn fragments(&self) -> Vec<Id> {
        let Some(appending) = &self.appending else { return Vec::new() };
        appending.parked.iter().map(|fragment| fragment.id).chain(appending.stale.iter().copied()).collect()
    }
}

impl Session {
    /// The number of the first part that is not recorded.
    fn first_missing(&self) -> u16 {
        // Parts are in ascending order.
        self.parts.keys().fold(1, |next, number| if *number == next { next.saturating_add(1) } else { next })
    }

    /// The offset, bytes: the contiguous prefix of recorded parts, and what is parked behind it.
    pub fn offset(&self) -> u64 {
        if self.meta.status == Status::Complete {
            return self.meta.file_size;
        }
        let next = self.first_missing();
        let parts = u64::from(next.saturating_sub(1)).saturating_mul(self.meta.chunk_size).min(self.meta.file_size);
        let parked = self.meta.appending.as_ref().filter(|appending| appending.part == next).map(|appending| appending.parked_bytes());
        parts.saturating_add(parked.unwrap_or_default())
    }

    pub(super) fn at(&self) -> SessionReply {
        SessionReply::At { meta: Box::new(self.meta.clone()), offset: self.offset(), expires: self.expires() }
    }

    /// Grants the lease at `offset`. `takes_over` ends an append that is running.
    pub(super) fn begin_append(&mut self, lease: Id, offset: u64, takes_over: bool, now: EpochMs) -> (SessionReply, Vec<Effect>) {
        if self.meta.status == Status::Complete {
            return (self.at(), vec![]);
        }
        if let Some(refusal) = self.refusal() {
            return (refusal, vec![]);
        }
        let current = self.offset();
        let next = self.first_missing();
        let appending = self.meta.appending.get_or_insert_default();
        if !takes_over && appending.lease.as_ref().is_some_and(|held| held.id != lease && held.until > now) {
            return (SessionReply::Busy, vec![]);
        }
        if current != offset {
            // An IETF client that asks at a wrong offset does not end the append that is right.
            return (self.at(), vec![]);
        }
        appending.lease = Some(AppendLease { id: lease, until: now.plus(APPEND_LEASE_MS) });
        if appending.part != next {
            let parked: Vec<Id> = appending.parked.drain(..).map(|fragment| fragment.id).collect();
            appending.discard(parked.into_iter());
            appending.part = next;
        }
        (self.at(), vec![Effect::PutMeta])
    }

    /// Sets the length of an upload that began without one. The same length again changes nothing; [`SessionReply::NotInPlan`] for another one, or one that is over
    /// the most that was reserved or under the offset.
    pub(super) fn set_length(&mut self, length: u64) -> (SessionReply, Vec<Effect>) {
        let is_deferred = self.meta.appending.as_ref().is_some_and(|appending| appending.deferred);
        if !is_deferred && length == self.meta.file_size {
            return (self.at(), vec![]);
        }
        if let Some(refusal) = self.refusal() {
            return (refusal, vec![]);
        }
        let chunk = self.meta.chunk_size;
        let holds = |part: &Part| part_len(length, chunk, u32::from(part.number)) == Some(part.size);
        if !is_deferred || length == 0 || length > self.meta.file_size || length < self.offset() || !self.parts.values().all(holds) {
            return (SessionReply::NotInPlan, vec![]);
        }
        if let Some(appending) = &mut self.meta.appending {
            appending.deferred = false;
        }
        self.meta.file_size = length;
        (self.at(), vec![Effect::PutMeta])
    }

    /// Notes the final upload that this partial one belongs to; the first one stays.
    pub(super) fn join(&mut self, into: Id) -> (SessionReply, Vec<Effect>) {
        let effects = match self.meta.appending.as_mut().filter(|appending| appending.is_partial()) {
            Some(appending) if appending.joined.is_none() => {
                appending.joined = Some(into);
                vec![Effect::PutMeta]
            }
            _ => vec![],
        };
        (self.at(), effects)
    }

    /// Ends a running append, as another request on the upload begins.
    pub(super) fn end_append(&mut self) -> (SessionReply, Vec<Effect>) {
        let held = self.meta.appending.as_mut().and_then(|appending| appending.lease.take()).is_some();
        (self.at(), if held { vec![Effect::PutMeta] } else { vec![] })
    }

    /// Records what the holder of the lease tells; [`SessionReply::Busy`] if another append has the lease.
    pub(super) fn append(&mut self, lease: Id, progress: Progress, now: EpochMs) -> (SessionReply, Vec<Effect>) {
        if let Some(refusal) = self.refusal() {
            return (refusal, vec![]);
        }
        if self.meta.appending.as_ref().and_then(|appending| appending.lease.as_ref()).is_none_or(|held| held.id != lease) {
            return (SessionReply::Busy, vec![]);
        }
        let before = (self.meta.clone(), self.parts.clone());
        let mut effects = Vec::new();
        for change in progress.changes {
            let Some(effect) = self.apply_change(change, now) else {
                (self.meta, self.parts) = before;
                return (SessionReply::NotInPlan, vec![]);
            };
            effects.extend(effect);
        }
        if let Some(appending) = &mut self.meta.appending {
            appending.discard(progress.announced.into_iter());
            appending.stale.retain(|id| !progress.deleted.contains(id));
            appending.lease = (!progress.ends).then(|| AppendLease { id: lease, until: now.plus(APPEND_LEASE_MS) });
        }
        self.meta.active_at = Some(now);
        effects.push(Effect::PutMeta);
        (SessionReply::Done, effects)
    }

    /// `None` if it does not continue the upload.
    fn apply_change(&mut self, change: Change, now: EpochMs) -> Option<Vec<Effect>> {
        match change {
            Change::Part(part) => {
                if self.meta.part_len(part.number)? != part.size || self.first_missing() != part.number {
                    return None;
                }
                let (reply, effects) = self.record(part, false, now);
                if reply != SessionReply::Done {
                    return None;
                }
                let next = self.first_missing();
                let appending = self.meta.appending.get_or_insert_default();
                let parked: Vec<Id> = appending.parked.drain(..).map(|fragment| fragment.id).collect();
                appending.discard(parked.into_iter());
                appending.part = next;
                Some(effects)
            }
            Change::Park { fragment, part, joined } => {
                let (next, room) = (self.first_missing(), self.meta.part_len(part)?);
                let appending = self.meta.appending.get_or_insert_default();
                if joined {
                    // It holds the bytes of all of them.
                    if fragment.size < appending.parked_bytes() {
                        return None;
                    }
                    let parked: Vec<Id> = appending.parked.drain(..).map(|fragment| fragment.id).collect();
                    appending.discard(parked.into_iter());
                }
                let fits = appending.parked_bytes().checked_add(fragment.size).is_some_and(|bytes| bytes < room);
                if part != next || appending.part != next || !fits || appending.parked.len() >= MAX_FRAGMENTS {
                    return None;
                }
                appending.stale.retain(|id| *id != fragment.id);
                appending.parked.push(fragment);
                Some(vec![])
            }
        }
    }
}
