//! Storage of an upload session in the SQLite of its Durable Object. All methods are synchronous: a change is stored before its reply is returned.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::sql::Arg;
use crate::io::object::ObjectState;
use crate::objects::sql;
use crate::problem::Problem;
use crate::uploads::session::machine::Session;
use crate::uploads::session::schema::{DROP_PART, LOAD_META, LOAD_PARTS, PUT_META, PUT_PART, SCHEMA};
use crate::uploads::session::state::{Effect, Part};

/// The session, loaded on first use and again after a failed write.
pub struct SessionStorage<S> {
    state: S,
    memory: RefCell<Option<Option<Session>>>,
}

#[derive(Deserialize)]
struct Row {
    json: String,
}

impl<S: ObjectState> SessionStorage<S> {
    /// Creates the storage without loading.
    pub fn new(state: S) -> SessionStorage<S> {
        SessionStorage { state, memory: RefCell::new(None) }
    }

    /// The object's own.
    pub fn state(&self) -> &S {
        &self.state
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
    pub fn change<T>(&self, step: impl FnOnce(&mut Option<Session>) -> (T, Vec<Effect>)) -> Result<T, Problem> {
        let mut memory = self.memory.borrow_mut();
        if memory.is_none() {
            *memory = Some(self.load()?);
        }
        let slot = memory.get_or_insert(None);
        let (reply, effects) = step(slot);
        for effect in effects {
            match (effect, slot.as_ref()) {
                (Effect::PutMeta, Some(session)) => self.exec(PUT_META, vec![sql::write(&session.meta)?.into()])?,
                (Effect::PutPart(part), _) => self.exec(PUT_PART, vec![u64::from(part.number).into(), sql::write(&part)?.into()])?,
                (Effect::DropPart(number), _) => self.exec(DROP_PART, vec![u64::from(number).into()])?,
                (Effect::PutMeta, None) => {}
            }
        }
        Ok(reply)
    }

    fn exec(&self, statement: &str, values: Vec<Arg>) -> Result<(), Problem> {
        sql::run(&self.state, statement, values)
    }

    fn load(&self) -> Result<Option<Session>, Problem> {
        sql::create(&self.state, SCHEMA)?;
        let Some(row) = sql::rows::<Row>(&self.state, LOAD_META, Vec::new())?.pop() else {
            return Ok(None);
        };
        let mut parts = BTreeMap::new();
        for row in sql::rows::<Row>(&self.state, LOAD_PARTS, Vec::new())? {
            let part: Part = sql::read(&row.json)?;
            parts.insert(part.number, part);
        }
        Ok(Some(Session { meta: sql::read(&row.json)?, parts }))
    }
}
