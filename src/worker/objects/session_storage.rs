//! Storage of an upload session in the SQLite of its Durable Object. All methods are synchronous: a change is stored before its reply is returned.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize;
use worker::{Result, SqlStorage, SqlStorageValue};

use crate::uploads::session::machine::Session;
use crate::uploads::session::schema::{DROP_PART, LOAD_META, LOAD_PARTS, PUT_META, PUT_PART, SCHEMA};
use crate::uploads::session::state::{Effect, Part};
use crate::worker::platform::{json, sqlite};

/// The session, loaded on first use and again after a failed write.
pub struct SessionStorage {
    sql: SqlStorage,
    memory: RefCell<Option<Option<Session>>>,
}

#[derive(Deserialize)]
struct Row {
    json: String,
}

impl SessionStorage {
    /// Creates the storage without loading.
    pub fn new(sql: SqlStorage) -> SessionStorage {
        SessionStorage { sql, memory: RefCell::new(None) }
    }

    /// Evicts the session from memory: after a failed write memory may differ from SQLite.
    pub fn evict(&self) {
        self.memory.replace(None);
    }

    /// The result of `read` on the session; `None` if it is not in memory.
    pub fn with<T>(&self, read: impl FnOnce(&Session) -> T) -> Option<T> {
        self.memory.borrow().as_ref().and_then(Option::as_ref).map(read)
    }

    /// Applies `step` to the session and writes its effects.
    pub fn change<T>(&self, step: impl FnOnce(&mut Option<Session>) -> (T, Vec<Effect>)) -> Result<T> {
        let mut memory = self.memory.borrow_mut();
        if memory.is_none() {
            *memory = Some(self.load()?);
        }
        let slot = memory.get_or_insert(None);
        let (reply, effects) = step(slot);
        for effect in effects {
            match (effect, slot.as_ref()) {
                (Effect::PutMeta, Some(session)) => self.exec(PUT_META, vec![json::write(&session.meta)?.into()])?,
                (Effect::PutPart(part), _) => self.exec(PUT_PART, vec![i32::from(part.number).into(), json::write(&part)?.into()])?,
                (Effect::DropPart(number), _) => self.exec(DROP_PART, vec![i32::from(number).into()])?,
                (Effect::PutMeta, None) => {}
            }
        }
        Ok(reply)
    }

    fn exec(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        sqlite::run(&self.sql, sql, values)
    }

    fn load(&self) -> Result<Option<Session>> {
        sqlite::create(&self.sql, SCHEMA)?;
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
