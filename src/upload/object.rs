//! The session's Durable Object.
//!
//! Invariant: what [`super::session`] answers is in SQLite before the answer leaves. One message per request (`POST`, JSON of [`Message`]);
//! a bare "done" is a 204, every other answer JSON of [`Reply`]. No request to the store ever leaves from here.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, SqlStorage, SqlStorageValue, State, durable_object};

use super::session::{Effect, Message, Part, Reply, Session, apply};
use crate::platform::{clock, log};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS session (one INTEGER PRIMARY KEY CHECK (one = 1), meta TEXT NOT NULL);
     CREATE TABLE IF NOT EXISTS parts (number INTEGER PRIMARY KEY, part TEXT NOT NULL);";
const LOAD_META: &str = "SELECT meta AS json FROM session";
const LOAD_PARTS: &str = "SELECT part AS json FROM parts";
const PUT_META: &str = "INSERT INTO session (one, meta) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET meta = excluded.meta";
const PUT_PART: &str = "INSERT INTO parts (number, part) VALUES (?, ?) ON CONFLICT (number) DO UPDATE SET part = excluded.part";
const DROP_PART: &str = "DELETE FROM parts WHERE number = ?";

/// See the module.
#[durable_object(fetch)]
pub struct UploadSession {
    sql: SqlStorage,
    /// None until the first message, and again after a failed write: then it is read anew.
    memory: RefCell<Option<Option<Session>>>,
}

#[derive(Deserialize)]
struct Row {
    json: String,
}

impl DurableObject for UploadSession {
    fn new(state: State, _env: Env) -> Self {
        UploadSession { sql: state.storage().sql(), memory: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let message: Message = serde_json::from_str(&request.text().await?)?;
        // No await from here on: the object takes one message at a time.
        match self.handle(message) {
            Ok(Reply::Done) => Ok(ResponseBuilder::new().with_status(204).empty()),
            Ok(reply) => Ok(ResponseBuilder::new().fixed(serde_json::to_vec(&reply)?)),
            Err(error) => {
                self.memory.replace(None);
                let _ = log::internal("session object", &error.to_string());
                Ok(ResponseBuilder::new().with_status(500).empty())
            }
        }
    }
}

impl UploadSession {
    fn handle(&self, message: Message) -> Result<Reply> {
        let mut memory = self.memory.borrow_mut();
        if memory.is_none() {
            *memory = Some(self.load()?);
        }
        let slot = memory.get_or_insert(None);
        let (reply, effects) = apply(slot, message, clock::now());
        for effect in effects {
            match (effect, slot.as_ref()) {
                (Effect::PutMeta, Some(session)) => self.run(PUT_META, vec![serde_json::to_string(&session.meta)?.into()])?,
                (Effect::PutPart(part), _) => self.run(PUT_PART, vec![i32::from(part.number).into(), serde_json::to_string(&part)?.into()])?,
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
        let Some(row) = self.sql.exec(LOAD_META, None)?.to_array::<Row>()?.into_iter().next() else {
            return Ok(None);
        };
        let mut parts = BTreeMap::new();
        for row in self.sql.exec(LOAD_PARTS, None)?.to_array::<Row>()? {
            let part: Part = serde_json::from_str(&row.json)?;
            parts.insert(part.number, part);
        }
        Ok(Some(Session { meta: serde_json::from_str(&row.json)?, parts }))
    }
}
