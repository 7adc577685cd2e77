//! When a session's alarm is due and what it does.

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::uploads::session::machine::{FAILED_MS, Session, TAKE_BACK_MS};
use crate::uploads::session::state::{Effect, Status};

/// What a session's alarm is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// Nothing: it ended otherwise.
    Nothing,
    /// It went on: look again then.
    At(EpochMs),
    /// It ended by time or by its client, and what it holds was not taken back yet: that is to be done, and looked after `again`.
    End {
        /// The session.
        session: Id,
        /// When.
        again: EpochMs,
    },
    /// Its tombstone has stood for long enough: everything stored of it is to be deleted.
    Forget,
}

/// When a session that has just changed wants to be woken: at its end; or soon after it ended without a file, should whoever ended it die before taking back what
/// it holds, and for its tombstone.
pub fn alarm(session: &Session, now: EpochMs) -> Option<EpochMs> {
    match session.meta.status {
        Status::Uploading => Some(session.expires()),
        Status::Failed | Status::Expired if session.meta.forget_at.is_none() => Some(now.plus(FAILED_MS)),
        _ => None,
    }
}

/// What is to be done when the alarm rings at `now`. The effects come first. Of an upload that has ended a tombstone stays for `tombstone_ms`.
pub fn wake(slot: &mut Option<Session>, now: EpochMs, tombstone_ms: u64) -> (Wake, Vec<Effect>) {
    let Some(session) = slot else { return (Wake::Nothing, vec![]) };
    let mut effects = session.expire(now);
    let wake = match session.meta.status {
        Status::Uploading => Wake::At(session.expires()),
        Status::Completing => Wake::At(session.meta.lease.as_ref().map_or(now, |lease| lease.until).max(session.expires())),
        Status::Failed | Status::Expired if !session.meta.cleaned_up => Wake::End { session: session.meta.session, again: now.plus(TAKE_BACK_MS) },
        Status::Failed | Status::Expired | Status::Complete => match session.meta.forget_at {
            Some(at) if at <= now => {
                *slot = None;
                return (Wake::Forget, vec![]);
            }
            Some(at) => Wake::At(at),
            None => {
                let at = now.plus(tombstone_ms);
                session.meta.forget_at = Some(at);
                effects.push(Effect::PutMeta);
                Wake::At(at)
            }
        },
    };
    (wake, effects)
}
