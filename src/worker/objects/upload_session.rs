//! Durable Object `UploadSession`: one upload session.
//!
//! Architecture invariant: what [`crate::uploads::session::machine`] replies is in SQLite before the reply is sent. One message per request (`POST`, JSON of
//! [`Message`]); a plain "done" is a 204, every other reply JSON of [`SessionReply`]. The object sends no request to the store: the alarm that expires a
//! session enqueues a job.

use std::time::Duration;

use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, State, durable_object};

use crate::base::time::EpochMs;
use crate::jobs::Job;
use crate::uploads::session::alarm::{AlarmAction, alarm as due, on_alarm};
use crate::uploads::session::machine::apply;
use crate::uploads::session::message::{Message, SessionReply};
use crate::worker::objects::session_storage::SessionStorage;
use crate::worker::platform::{alarm, bindings, clock, enqueue, json, log, objects};

/// See the module.
#[durable_object(alarm)]
pub struct UploadSession {
    state: State,
    env: Env,
    session: SessionStorage,
}

impl DurableObject for UploadSession {
    fn new(state: State, env: Env) -> Self {
        let session = SessionStorage::new(state.storage().sql());
        UploadSession { state, env, session }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if objects::is_ping(&request) {
            return Ok(objects::pong());
        }
        let message: Message = json::read(&request.text().await?)?;
        let ends_or_begins =
            matches!(message, Message::Open { .. } | Message::Fail | Message::AbandonCompletion { .. } | Message::CleanedUp | Message::CheckLease);
        // No await between here and the effects: messages are applied one at a time.
        let handled = self.session.change(|slot| apply(slot, message, clock::now()));
        if ends_or_begins && handled.is_ok() {
            let wanted = self.session.with(|session| due(session, clock::now())).flatten();
            self.set_alarm_at(wanted).await?;
        }
        match handled {
            Ok(SessionReply::Done) => Ok(ResponseBuilder::new().with_status(204).empty()),
            Ok(reply) => Ok(ResponseBuilder::new().fixed(json::write(&reply)?.into_bytes())),
            Err(error) => {
                self.session.evict();
                let _ = log::internal("session object", &error.to_string());
                Ok(ResponseBuilder::new().with_status(500).empty())
            }
        }
    }

    /// Due at the session's expiry. Enqueues the clean-up, repeats until it is done, and finally deletes the record.
    async fn alarm(&self) -> Result<Response> {
        alarm::ran();
        let tombstone = bindings::config(&self.env).map_or(2_592_000, |config| config.session_tombstone_seconds);
        match self.session.change(|slot| on_alarm(slot, clock::now(), tombstone.saturating_mul(1000))) {
            Ok(AlarmAction::Nothing) => {}
            Ok(AlarmAction::DeleteRecord) => {
                self.session.evict();
                self.state.storage().delete_all().await?;
            }
            Ok(AlarmAction::At(at)) => self.set_alarm_at(Some(at)).await?,
            Ok(AlarmAction::End { session, again }) => {
                self.set_alarm_at(Some(again)).await?;
                enqueue::enqueue(&self.env, &Job::EndUpload { session }).await?;
            }
            Err(error) => {
                self.session.evict();
                return Err(error);
            }
        }
        Response::empty()
    }
}

impl UploadSession {
    async fn set_alarm_at(&self, at: Option<EpochMs>) -> Result<()> {
        match at {
            Some(at) => alarm::set(&self.state, Duration::from_millis(at.since(clock::now()).max(50))).await,
            None => Ok(()),
        }
    }
}
