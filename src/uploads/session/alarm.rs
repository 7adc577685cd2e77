//! The session's alarm: when it is due and what it does.

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::uploads::session::machine::{CLEANUP_DELAY_MS, CLEANUP_RETRY_MS, Session};
use crate::uploads::session::state::{Effect, Status};

/// Action of a session's alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmAction {
    /// No action: there is no session.
    Nothing,
    /// Set the alarm again for this instant.
    At(EpochMs),
    /// The session failed or expired and its resources (multipart upload, reservation) are not released: enqueue the clean-up and set the alarm for `again`.
    End {
        /// The session.
        session: Id,
        /// When to check again.
        again: EpochMs,
    },
    /// The retention time of the session's record is over: delete the Durable Object's storage.
    DeleteRecord,
}

/// When the alarm is due after a change: at the session's expiry; after a failure [`CLEANUP_DELAY_MS`] later, in case the request that failed the session dies
/// before it has released the session's resources.
pub fn alarm(session: &Session, now: EpochMs) -> Option<EpochMs> {
    match session.meta.status {
        Status::Uploading => Some(session.expires()),
        Status::Failed | Status::Expired if session.meta.forget_at.is_none() => Some(now.plus(CLEANUP_DELAY_MS)),
        _ => None,
    }
}

/// What the alarm does at `now`. Apply the effects first. The record of an ended upload is retained for `tombstone_ms`.
pub fn on_alarm(slot: &mut Option<Session>, now: EpochMs, tombstone_ms: u64) -> (AlarmAction, Vec<Effect>) {
    let Some(session) = slot else { return (AlarmAction::Nothing, vec![]) };
    let mut effects = session.expire(now);
    let wake = match session.meta.status {
        Status::Uploading => AlarmAction::At(session.expires()),
        Status::Completing => AlarmAction::At(session.meta.lease.as_ref().map_or(now, |lease| lease.until).max(session.expires())),
        Status::Failed | Status::Expired if !session.meta.cleaned_up => {
            AlarmAction::End { session: session.meta.session, again: now.plus(CLEANUP_RETRY_MS) }
        }
        Status::Failed | Status::Expired | Status::Complete => match session.meta.forget_at {
            Some(at) if at <= now => {
                *slot = None;
                return (AlarmAction::DeleteRecord, vec![]);
            }
            Some(at) => AlarmAction::At(at),
            None => {
                let at = now.plus(tombstone_ms);
                session.meta.forget_at = Some(at);
                effects.push(Effect::PutMeta);
                AlarmAction::At(at)
            }
        },
    };
    (wake, effects)
}
