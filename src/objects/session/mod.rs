//! `UploadSession`: one upload session.
//!
//! Architecture invariant: what [`crate::uploads::session::machine`] replies is in SQLite before the reply is sent. One message per request (JSON of
//! [`Message`]); a plain "done" has no text, every other reply is JSON of [`SessionReply`]. The object sends no request to the store: the alarm that expires a
//! session enqueues a job.

pub mod storage;

use std::cell::Cell;
use std::rc::Rc;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::clients::live;
use crate::io::Io;
use crate::io::object::ObjectState;
use crate::jobs::Job;
use crate::live::event;
use crate::live::pace::{Pace, Turn};
use crate::objects::session::storage::SessionStorage;
use crate::objects::sql;
use crate::problem::Problem;
use crate::uploads::session::alarm::{AlarmAction, alarm as due, on_alarm};
use crate::uploads::session::machine::apply;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::Status;

/// Least delay of an alarm, ms.
const LEAST_DELAY_MS: u64 = 50;

/// See the module.
pub struct SessionObject<S, I> {
    io: I,
    session: Rc<SessionStorage<S>>,
    /// How often the parts are told of; None until the first one.
    pace: Rc<Cell<Option<Pace>>>,
}

impl<S: ObjectState + 'static, I: Io> SessionObject<S, I> {
    /// Creates it without loading.
    pub fn new(state: S, io: I) -> SessionObject<S, I> {
        SessionObject { io, session: Rc::new(SessionStorage::new(state)), pace: Rc::default() }
    }

    /// Applies a message.
    ///
    /// # Errors
    /// Of SQLite, logged.
    pub async fn handle(&self, message: &str) -> Result<Option<String>, Problem> {
        let message: Message = sql::read(message)?;
        let ends_or_begins =
            matches!(message, Message::Open { .. } | Message::Fail | Message::AbandonCompletion { .. } | Message::CleanedUp | Message::CheckLease);
        let is_part = match &message {
            Message::Record { .. } => true,
            Message::Append { progress, .. } => !progress.changes.is_empty(),
            _ => false,
        };
        if let Message::Open { meta, is_heard: true } = &message {
            self.pace.set(Some(Pace::new(meta.created, true)));
        }
        // No await between here and the effects: messages are applied one at a time.
        let handled = self.session.change(|slot| apply(slot, message, self.io.now()));
        if ends_or_begins && handled.is_ok() {
            let wanted = self.session.with(|session| due(session, self.io.now())).flatten();
            self.set_alarm_at(wanted).await?;
        }
        if is_part && handled == Ok(SessionReply::Done) {
            self.tell_progress();
        }
        match handled {
            Ok(SessionReply::Done) => Ok(None),
            Ok(reply) => sql::write(&reply).map(Some),
            Err(problem) => {
                self.session.evict();
                Err(problem)
            }
        }
    }

    /// Tells those who listen how far the upload is, not more often than [`Pace`] allows. The part that was recorded does not wait for it.
    fn tell_progress(&self) {
        let now = self.io.now();
        let began = self.session.with(|session| session.meta.created).unwrap_or(now);
        let (turn, next) = self.pace.get().unwrap_or_else(|| Pace::new(began, false)).next(now);
        self.pace.set(Some(next));
        let (io, session, pace) = (self.io.clone(), Rc::clone(&self.session), Rc::clone(&self.pace));
        match turn {
            Turn::Not => {}
            Turn::Now => {
                let message = progress(&session, now);
                self.io.afterwards(async move { publish(&io, &pace, message).await });
            }
            Turn::Later(ms) => self.io.afterwards(async move {
                io.sleep(ms).await;
                pace.set(pace.get().map(|pace| pace.waited(io.now())));
                publish(&io, &pace, progress(&session, io.now())).await;
            }),
        }
    }

    /// Due at the session's expiry. Enqueues the clean-up, repeats until it is done, and after `tombstone_ms` deletes the record.
    ///
    /// # Errors
    /// Of the storage and the queue; the platform repeats the alarm.
    pub async fn alarm(&self, tombstone_ms: u64) -> Result<(), Problem> {
        match self.session.change(|slot| on_alarm(slot, self.io.now(), tombstone_ms)) {
            Ok(AlarmAction::Nothing) => Ok(()),
            Ok(AlarmAction::DeleteRecord) => {
                self.session.evict();
                self.session.state().delete_all().await
            }
            Ok(AlarmAction::At(at)) => self.set_alarm_at(Some(at)).await,
            Ok(AlarmAction::End { session, again }) => {
                self.set_alarm_at(Some(again)).await?;
                self.io.enqueue(&Job::EndUpload { session }, 0).await
            }
            Err(problem) => {
                self.session.evict();
                Err(problem)
            }
        }
    }

    async fn set_alarm_at(&self, at: Option<EpochMs>) -> Result<(), Problem> {
        match at {
            Some(at) => self.session.state().set_alarm(at.since(self.io.now()).max(LEAST_DELAY_MS)).await,
            None => Ok(()),
        }
    }
}

/// Whom to tell how far the upload is, and what; None once it is no longer open.
fn progress(session: &SessionStorage<impl ObjectState>, now: EpochMs) -> Option<(Id, String)> {
    let told = session.with(|session| {
        let is_open = session.meta.status == Status::Uploading;
        is_open.then(|| (session.meta.account, event::progress(&session.meta, session.parts.values(), now)))
    });
    told.flatten()
}

/// Tells it, and notes whether anybody heard it.
async fn publish(io: &impl Io, pace: &Cell<Option<Pace>>, message: Option<(Id, String)>) {
    let Some((account, message)) = message else { return };
    let is_heard = live::publish(io, account, &message).await;
    pace.set(pace.get().map(|pace| pace.after(is_heard)));
}
