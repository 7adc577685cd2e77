//! The upload session as a state machine over plain values. The Durable Object in [`crate::worker::objects::upload_session`] loads the state, applies a
//! message and writes the effects.
//!
//! ```text
//! uploading ──begin completion──▶ completing ──finish──▶ complete
//!     │  ▲                            │  │
//!     │  └────────── cancel ──────────┘  │ abandon; fail or expiry once the completion lease is free
//!     ├──fail──▶ failed ◀────────────────┤
//!     └─expiry─▶ expired ◀───────────────┘
//! ```
//! Architecture invariants: a part is recorded only while uploading, with the length of the plan; an upload completes only with every part recorded;
//! complete, failed and expired are final; the outcome of a completion never changes once stored.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::s3::operations::list_parts::ListedPart;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{AT_ORIGIN, COMPLETION_LEASE_MS, Effect, Evidence, Lease, Meta, Part, Status, URL_TTL_MS, missing};

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "append_tests.rs"]
mod append_tests;

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod receipt_tests;

/// Time for the request that fails an upload to release its resources, ms; after that the alarm enqueues a job.
pub const CLEANUP_DELAY_MS: u64 = 60_000;

/// Interval between two clean-up jobs of a session, ms: longer than the queue's retries, which take ten minutes.
pub const CLEANUP_RETRY_MS: u64 = 3_600_000;

/// The last activity of a session is known to this fraction of its time to live: to ten minutes of seven days.
const ACTIVITY_STEPS: u64 = 1_000;

/// A session and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Everything except the parts.
    pub meta: Meta,
    /// Recorded parts by number.
    pub parts: BTreeMap<u16, Part>,
}

impl Session {
    /// Numbers of the parts that are not recorded, ascending.
    pub fn missing(&self) -> Vec<u16> {
        missing(self.meta.chunk_count(), self.parts.keys().copied())
    }

    /// Expiry if there is no further activity: `ttl_ms` after the start or the last call on the session.
    pub fn expires(&self) -> EpochMs {
        self.last_activity().plus(self.meta.ttl_ms)
    }

    fn last_activity(&self) -> EpochMs {
        let last = self.parts.values().map(|part| part.at).max().unwrap_or(self.meta.created);
        last.max(self.meta.created).max(self.meta.active_at.unwrap_or_default())
    }

    /// Postpones the expiry of an open session. Activity within a thousandth of the time to live is not written again, so that calls that only read
    /// write rarely.
    pub(super) fn touch(&mut self, now: EpochMs) -> Vec<Effect> {
        let open = matches!(self.meta.status, Status::Uploading | Status::Completing);
        if !open || now.since(self.last_activity()) <= self.meta.ttl_ms / ACTIVITY_STEPS {
            return vec![];
        }
        self.meta.active_at = Some(now);
        vec![Effect::PutMeta]
    }

    fn state(&self) -> SessionReply {
        SessionReply::State { meta: Box::new(self.meta.clone()), parts: self.parts.values().cloned().collect(), expires: self.expires() }
    }

    /// Expires the session if it is due.
    pub(super) fn expire(&mut self, now: EpochMs) -> Vec<Effect> {
        let idle = match self.meta.status {
            Status::Uploading => true,
            // The lease ran out: the call that was completing the upload died.
            Status::Completing => self.lease_is_free(now),
            _ => false,
        };
        if !idle || now < self.expires() {
            return vec![];
        }
        self.meta.status = Status::Expired;
        vec![Effect::PutMeta]
    }

    /// Why no part is accepted, if none is.
    pub(super) fn refusal(&self) -> Option<SessionReply> {
        match self.meta.status {
            Status::Uploading if self.meta.suspended => Some(SessionReply::Suspended),
            Status::Uploading => None,
            status => Some(SessionReply::Closed { status }),
        }
    }

    pub(super) fn record(&mut self, mut part: Part, receipt: bool, now: EpochMs) -> (SessionReply, Vec<Effect>) {
        if let Some(refusal) = self.refusal() {
            return (refusal, vec![]);
        }
        if self.meta.part_len(part.number) != Some(part.size) {
            return (SessionReply::NotInPlan, vec![]);
        }
        if receipt {
            return self.read_receipt(part, now);
        }
        // A claim adds nothing to a part that this service has seen being stored.
        let seen = self.parts.get(&part.number).is_some_and(|known| known.evidence.is_seen() && known.etag == part.etag);
        if seen && part.evidence == Evidence::Claimed {
            return (SessionReply::Done, vec![]);
        }
        let mut effects = Vec::new();
        // Two contents with one ETag, one of which may have no hash: the store need not have taken them in the order of their records.
        let ambiguous = self
            .parts
            .get(&part.number)
            .is_some_and(|known| known.etag == part.etag && known.sha256 != part.sha256 && (known.sha256.is_some() || known.evidence.is_seen()));
        if ambiguous && part.evidence.is_seen() {
            effects.extend(self.mark_ambiguous(part.number));
        }
        if self.meta.ambiguous.contains(&part.number) {
            part.sha256 = None;
        }
        if part.evidence == Evidence::Claimed {
            part.took_ms = self.meta.urls_at.map(|issued| now.since(issued).min(URL_TTL_MS));
        }
        part.at = now;
        self.parts.insert(part.number, part.clone());
        effects.push(Effect::PutPart(part));
        (SessionReply::Done, effects)
    }

    fn mark_ambiguous(&mut self, number: u16) -> Option<Effect> {
        self.meta.ambiguous.insert(number).then_some(Effect::PutMeta)
    }

    /// A receipt is evidence of an earlier time. It fills a part that is absent, as a claim, or only listed, with its hash; it changes no later record. If it
    /// shows that two contents with the recorded ETag were sent, the hash becomes unknown.
    fn read_receipt(&mut self, mut part: Part, now: EpochMs) -> (SessionReply, Vec<Effect>) {
        let mut effects = Vec::new();
        let number = part.number;
        let known = self.parts.get(&number).cloned();
        let collides = known
            .as_ref()
            .is_some_and(|known| known.etag == part.etag && known.sha256.is_some() && part.sha256.is_some() && known.sha256 != part.sha256);
        if collides {
            effects.extend(self.mark_ambiguous(number));
        }
        if self.meta.ambiguous.contains(&number) {
            part.sha256 = None;
        }
        let recorded = match known.clone() {
            None => Part { evidence: Evidence::Claimed, at: now, ..part },
            Some(known) if collides => Part { sha256: None, ..known },
            Some(known) if known.evidence == Evidence::Listed && known.etag == part.etag && known.sha256.is_none() => {
                Part { sha256: part.sha256, ..known }
            }
            Some(known) => known,
        };
        if known.as_ref() != Some(&recorded) {
            self.parts.insert(number, recorded.clone());
            effects.push(Effect::PutPart(recorded.clone()));
        }
        (SessionReply::Recorded { part: recorded }, effects)
    }

    /// If the store may have the bytes nevertheless, the record of other bytes of that number loses its hash: they may have the same ETag.
    fn part_failed(&mut self, number: u16, sha256: Option<&Sha256Hex>, may_be_stored: bool) -> (SessionReply, Vec<Effect>) {
        if let Some(refusal) = self.refusal() {
            return (refusal, vec![]);
        }
        match self.parts.get_mut(&number) {
            Some(known) if may_be_stored && known.sha256.is_some() && known.sha256.as_ref() != sha256 => {
                known.sha256 = None;
                (SessionReply::Done, vec![Effect::PutPart(known.clone())])
            }
            _ => (SessionReply::Done, vec![]),
        }
    }

    fn reconcile(&mut self, listed: Vec<ListedPart>, listed_at: EpochMs, now: EpochMs) -> (SessionReply, Vec<Effect>) {
        let mut effects = Vec::new();
        if self.meta.status == Status::Uploading {
            let mut on_store = BTreeSet::new();
            on_store.extend(listed.iter().map(|part| part.part_number));
            let lost: Vec<u16> = self.parts.values().filter(|p| p.at < listed_at && !on_store.contains(&p.number)).map(|p| p.number).collect();
            for number in lost {
                self.parts.remove(&number);
                effects.push(Effect::DropPart(number));
            }
            // Completion needs the ETag of every part. A part listed without one counts only if the record already has its ETag.
            for listed in listed {
                let number = listed.part_number;
                let (claimed, news) = match self.parts.get(&number) {
                    Some(part) if listed.etag.is_empty() && part.evidence == Evidence::Claimed && part.size == listed.size && part.at < listed_at => {
                        (true, Some(Part { evidence: Evidence::Listed, ..part.clone() }))
                    }
                    _ if listed.etag.is_empty() => continue,
                    Some(part) if part.at >= listed_at || (part.etag == listed.etag && part.evidence != Evidence::Claimed) => continue,
                    Some(part) if part.etag == listed.etag && part.size == listed.size => {
                        (true, Some(Part { evidence: Evidence::Listed, ..part.clone() }))
                    }
                    Some(part) => (part.evidence == Evidence::Claimed, self.adopted(listed, now)),
                    // An append records its parts itself. One that it did not record may have bytes that were refused for their checksum.
                    None if self.meta.appending.is_some() && !self.meta.direct => continue,
                    None => (false, self.adopted(listed, now)),
                };
                match news {
                    Some(part) => {
                        self.parts.insert(number, part.clone());
                        effects.push(Effect::PutPart(part));
                    }
                    // The stored part is neither the claimed one nor of the plan's length.
                    None if claimed => {
                        self.parts.remove(&number);
                        effects.push(Effect::DropPart(number));
                    }
                    None => {}
                }
            }
        }
        (self.state(), effects)
    }

    /// The record of a listed part; `None` if its size does not match the plan.
    fn adopted(&self, listed: ListedPart, now: EpochMs) -> Option<Part> {
        let ListedPart { part_number: number, etag, size } = listed;
        let fits = self.meta.part_len(number) == Some(size);
        fits.then(|| Part { number, etag, size, sha256: None, edge: AT_ORIGIN.to_owned(), at: now, evidence: Evidence::Listed, took_ms: None })
    }

    /// Recorded parts whose hash is not the expected one. A part without a hash counts as different.
    fn differing(&self, expected: &[Sha256Hex]) -> Vec<u16> {
        let expected = |number: u16| usize::from(number).checked_sub(1).and_then(|index| expected.get(index));
        self.parts.values().filter(|part| part.sha256.as_ref() != expected(part.number)).map(|part| part.number).collect()
    }

    /// Whether the completion lease is free or expired.
    fn lease_is_free(&self, now: EpochMs) -> bool {
        self.meta.lease.as_ref().is_none_or(|lease| lease.until <= now)
    }

    fn begin_completion(
        &mut self,
        attempt: Id,
        file_hash: Option<Sha256Hex>,
        chunk_hashes: Option<&[Sha256Hex]>,
        now: EpochMs,
    ) -> (SessionReply, Vec<Effect>) {
        if file_hash.is_some() && self.meta.file_hash.is_some() && file_hash != self.meta.file_hash {
            return (SessionReply::OtherHash, vec![]);
        }
        match (self.meta.status, &self.meta.lease, &self.meta.outcome) {
            (Status::Complete, _, Some(outcome)) => (SessionReply::Complete { outcome: outcome.clone() }, vec![]),
            (Status::Completing, Some(lease), _) if lease.until > now && lease.attempt != attempt => (SessionReply::Busy, vec![]),
            (Status::Uploading | Status::Completing, _, _) => {
                let missing = self.missing();
                if !missing.is_empty() {
                    return (SessionReply::Missing { parts: missing }, vec![]);
                }
                if self.parts.values().any(|part| part.evidence == Evidence::Claimed) {
                    return (SessionReply::Unlisted, vec![]);
                }
                let differing = chunk_hashes.map(|expected| self.differing(expected)).unwrap_or_default();
                if !differing.is_empty() {
                    return (SessionReply::OtherParts { parts: differing }, vec![]);
                }
                self.meta.file_hash = self.meta.file_hash.take().or(file_hash);
                self.meta.status = Status::Completing;
                self.meta.lease = Some(Lease { attempt, until: now.plus(COMPLETION_LEASE_MS) });
                (self.state(), vec![Effect::PutMeta])
            }
            (status, _, _) => (SessionReply::Closed { status }, vec![]),
        }
    }

    fn finish_completion(&mut self, outcome: Value) -> (SessionReply, Vec<Effect>) {
        match (self.meta.status, &self.meta.outcome) {
            (_, Some(first)) => (SessionReply::Complete { outcome: first.clone() }, vec![]),
            (Status::Completing, None) => {
                self.meta.status = Status::Complete;
                self.meta.lease = None;
                self.meta.outcome = Some(outcome.clone());
                (SessionReply::Complete { outcome }, vec![Effect::PutMeta])
            }
            (status, None) => (SessionReply::Closed { status }, vec![]),
        }
    }

    /// Ends the holder's completion without an outcome.
    fn end_completion(&mut self, attempt: Id, status: Status) -> (SessionReply, Vec<Effect>) {
        let holds = self.meta.lease.as_ref().is_some_and(|lease| lease.attempt == attempt);
        if self.meta.status != Status::Completing || !holds {
            return (SessionReply::Closed { status: self.meta.status }, vec![]);
        }
        self.meta.status = status;
        self.meta.lease = None;
        (SessionReply::Done, vec![Effect::PutMeta])
    }

    fn mark_direct(&mut self, now: EpochMs) -> (SessionReply, Vec<Effect>) {
        if self.meta.status != Status::Uploading || self.meta.suspended {
            return (self.state(), vec![]);
        }
        self.meta.direct = true;
        self.meta.urls_at = Some(now);
        (self.state(), vec![Effect::PutMeta])
    }

    fn suspend(&mut self, suspended: bool, as_of: EpochMs) -> (SessionReply, Vec<Effect>) {
        let is_known = as_of == self.meta.suspended_as_of && suspended == self.meta.suspended && !self.meta.unchecked;
        if as_of < self.meta.suspended_as_of || is_known {
            return (SessionReply::Done, vec![]);
        }
        (self.meta.suspended, self.meta.suspended_as_of, self.meta.unchecked) = (suspended, as_of, false);
        (SessionReply::Done, vec![Effect::PutMeta])
    }

    fn cleaned_up(&mut self) -> (SessionReply, Vec<Effect>) {
        if self.meta.cleaned_up || !matches!(self.meta.status, Status::Failed | Status::Expired) {
            return (SessionReply::Done, vec![]);
        }
        self.meta.cleaned_up = true;
        (SessionReply::Done, vec![Effect::PutMeta])
    }

    fn fail(&mut self, now: EpochMs) -> (SessionReply, Vec<Effect>) {
        match self.meta.status {
            Status::Completing if !self.lease_is_free(now) => (SessionReply::Busy, vec![]),
            Status::Uploading | Status::Completing => {
                self.meta.status = Status::Failed;
                (self.state(), vec![Effect::PutMeta])
            }
            // Idempotent: the caller repeats the abort at the store, in case an earlier one did not arrive.
            Status::Failed | Status::Expired => (self.state(), vec![]),
            Status::Complete => (SessionReply::Closed { status: Status::Complete }, vec![]),
        }
    }
}

/// Applies one message at `now`. The effects must be durable before the reply is sent.
pub fn apply(slot: &mut Option<Session>, message: Message, now: EpochMs) -> (SessionReply, Vec<Effect>) {
    let session = match (slot.as_mut(), message) {
        (None, Message::Open { meta, .. }) => {
            *slot = Some(Session { meta: *meta, parts: BTreeMap::new() });
            return (SessionReply::Done, vec![Effect::PutMeta]);
        }
        (None, _) => return (SessionReply::Unknown, vec![]),
        (Some(session), message) => (session, message),
    };
    let (session, message) = session;
    let mut before = session.expire(now);
    // An upload that has ended takes no part, whoever may send some: what is left of it is released.
    let is_open = matches!(session.meta.status, Status::Uploading | Status::Completing);
    if session.meta.unchecked && is_open && !matches!(message, Message::Open { .. } | Message::Suspend { .. }) {
        return (SessionReply::Unknown, before);
    }
    // The messages of its client; a client's reconciliation follows a visit.
    if matches!(message, Message::Visit | Message::MarkDirect | Message::BeginCompletion { .. } | Message::Offset { .. }) {
        before.extend(session.touch(now));
    }
    // So are its parts, whatever becomes of them. A part that is recorded is an activity by itself.
    let of_part = matches!(message, Message::Record { .. } | Message::PartFailed { .. });
    let (reply, effects) = match message {
        Message::Open { meta, .. } if meta.session == session.meta.session && meta.upload_id == session.meta.upload_id => {
            (SessionReply::Done, vec![])
        }
        Message::Open { .. } => (SessionReply::Closed { status: session.meta.status }, vec![]),
        Message::Record { part, receipt } => session.record(part, receipt, now),
        Message::PartFailed { number, sha256, may_be_stored } => session.part_failed(number, sha256.as_ref(), may_be_stored),
        Message::Snapshot | Message::Visit => (session.state(), vec![]),
        Message::Reconcile { listed, listed_at } => session.reconcile(listed, listed_at, now),
        Message::BeginCompletion { attempt, file_hash, chunk_hashes } => session.begin_completion(attempt, file_hash, chunk_hashes.as_deref(), now),
        Message::CheckLease if session.meta.status == Status::Completing && !session.lease_is_free(now) => (SessionReply::Busy, vec![]),
        Message::CheckLease => (SessionReply::Done, vec![]),
        Message::MarkDirect => session.mark_direct(now),
        Message::FinishCompletion { outcome } => session.finish_completion(outcome),
        Message::CancelCompletion { attempt } => session.end_completion(attempt, Status::Uploading),
        Message::ReleaseLease { attempt } => session.end_completion(attempt, Status::Completing),
        Message::AbandonCompletion { attempt } => session.end_completion(attempt, Status::Failed),
        Message::Fail => session.fail(now),
        Message::Suspend { suspended, as_of } => session.suspend(suspended, as_of),
        Message::CleanedUp => session.cleaned_up(),
        Message::BeginAppend { lease, offset, takes_over } => session.begin_append(lease, offset, takes_over, now),
        Message::Append { lease, progress } => session.append(lease, progress, now),
        Message::SetLength { length } => session.set_length(length),
        Message::Join { into } => session.join(into),
        Message::Offset { ends_append: true } => session.end_append(),
        Message::Offset { ends_append: false } => (session.at(), vec![]),
    };
    before.extend(effects);
    if of_part && reply != SessionReply::NotInPlan {
        before.extend(session.touch(now));
    }
    (reply, before)
}
