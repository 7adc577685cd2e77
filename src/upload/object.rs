//! The session's Durable Object.
//!
//! Invariant: what [`super::session`] answers is in SQLite before the answer leaves. One message per request (`POST`, JSON of [`Message`]);
//! a bare "done" is a 204, every other answer JSON of [`Reply`]. No request to the store ever leaves from here: the alarm that ends a session by time enqueues a job.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, SqlStorage, SqlStorageValue, State, durable_object};

use super::session::{Effect, Message, Part, Reply, Session, Wake, alarm, apply, wake};
use super::sql::{DROP_PART, LOAD_META, LOAD_PARTS, PUT_META, PUT_PART, SCHEMA};
use crate::jobs::{self, Job};
use crate::json;
use crate::platform::{bindings, clock, log, sqlite};
use crate::units::EpochMs;

/// See the module.
#[durable_object(alarm)]
pub struct UploadSession {
    state: State,
    env: Env,
    sql: SqlStorage,
    /// None until the first message, and again after a failed write: then it is read anew.
    memory: RefCell<Option<Option<Session>>>,
}

#[derive(Deserialize)]
struct Row {
    json: String,
}

impl DurableObject for UploadSession {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        UploadSession { state, env, sql, memory: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let message: Message = json::read(&request.text().await?)?;
        let ends_or_begins =
            matches!(message, Message::Open { .. } | Message::Fail | Message::AbandonCompletion { .. } | Message::TakenBack | Message::IsFree);
        // No await from here to the effects: the object takes one message at a time.
        let handled = self.handle(message);
        if ends_or_begins && handled.is_ok() {
            let wanted = self.memory.borrow().as_ref().and_then(Option::as_ref).and_then(|session| alarm(session, clock::now()));
            self.wake_at(wanted).await?;
        }
        match handled {
            Ok(Reply::Done) => Ok(ResponseBuilder::new().with_status(204).empty()),
            Ok(reply) => Ok(ResponseBuilder::new().fixed(json::write(&reply)?.into_bytes())),
            Err(error) => {
                self.memory.replace(None);
                let _ = log::internal("session object", &error.to_string());
                Ok(ResponseBuilder::new().with_status(500).empty())
            }
        }
    }

    /// Rings when the session should have ended. A job takes back what it holds; until that is done it rings again. At last it drops the record.
    async fn alarm(&self) -> Result<Response> {
        let tombstone = bindings::config(&self.env).map_or(2_592_000, |config| config.session_tombstone_seconds);
        match self.change(|slot| wake(slot, clock::now(), tombstone.saturating_mul(1000))) {
            Ok(Wake::Nothing) => {}
            Ok(Wake::Forget) => {
                self.memory.replace(None);
                self.state.storage().delete_all().await?;
            }
            Ok(Wake::At(at)) => self.wake_at(Some(at)).await?,
            Ok(Wake::End { session, again }) => {
                self.wake_at(Some(again)).await?;
                jobs::enqueue(&self.env, &Job::EndUpload { session }).await?;
            }
            Err(error) => {
                self.memory.replace(None);
                return Err(error);
            }
        }
        Response::empty()
    }
}

impl UploadSession {
    fn handle(&self, message: Message) -> Result<Reply> {
        self.change(|slot| apply(slot, message, clock::now()))
    }

    async fn wake_at(&self, at: Option<EpochMs>) -> Result<()> {
        match at {
            Some(at) => self.state.storage().set_alarm(Duration::from_millis(at.since(clock::now()).max(50))).await,
            None => Ok(()),
        }
    }

    /// Lets `step` change the session and writes what it changed.
    fn change<T>(&self, step: impl FnOnce(&mut Option<Session>) -> (T, Vec<Effect>)) -> Result<T> {
        let mut memory = self.memory.borrow_mut();
        if memory.is_none() {
            *memory = Some(self.load()?);
        }
        let slot = memory.get_or_insert(None);
        let (reply, effects) = step(slot);
        for effect in effects {
            match (effect, slot.as_ref()) {
                (Effect::PutMeta, Some(session)) => self.run(PUT_META, vec![json::write(&session.meta)?.into()])?,
                (Effect::PutPart(part), _) => self.run(PUT_PART, vec![i32::from(part.number).into(), json::write(&part)?.into()])?,
                (Effect::DropPart(number), _) => self.run(DROP_PART, vec![i32::from(number).into()])?,
                (Effect::PutMeta, None) => {}
            }
        }
        Ok(reply)
    }

    fn run(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        self.sql.exec(sql, values).map(|_| ())
    }

    fn load(&self) -> Result<Option<Session>> {
        self.sql.exec(SCHEMA, None)?;
        let Some(row) = sqlite::rows::<Row>(&self.sql, LOAD_META, Vec::new())?.pop() else {
            return Ok(None);
        };
        let mut parts = BTreeMap::new();
        for row in sqlite::rows::<Row>(&self.sql, LOAD_PARTS, Vec::new())? {
            let part: Part = json::read(&row.json)?;
            parts.insert(part.number, part);
        }
        Ok(Some(Session { meta: json::read(&row.json)?, parts }))
    }
}
