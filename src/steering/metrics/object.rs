//! The Durable Object of one edge: takes samples in, and after a while writes the hours down and publishes what is known.
//!
//! What came since the last alarm is lost with the object: these are statistics.

use std::cell::{Cell, RefCell, RefMut};
use std::time::Duration;

use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, SqlStorage, State, durable_object};

use super::gauge::Gauge;
use super::snapshot;
use super::wire::{Message, Row};
use crate::json;
use crate::platform::{bindings, clock, d1, sqlite};
use crate::steering::store;

/// Its table, and the one row of it.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS kept (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL)";
const LOAD: &str = "SELECT json FROM kept";
const PUT: &str = "INSERT INTO kept (one, json) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET json = excluded.json";

/// Which edge it is and how often it publishes, s; known since its first samples.
type Identity = (String, u64);

#[derive(Deserialize)]
struct Kept {
    json: String,
}

/// See the module.
#[durable_object(alarm)]
pub struct EdgeMetrics {
    state: State,
    env: Env,
    sql: SqlStorage,
    memory: RefCell<Option<(Identity, Gauge)>>,
    /// Whether an alarm is set, as far as this memory knows.
    armed: Cell<bool>,
}

impl DurableObject for EdgeMetrics {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        EdgeMetrics { state, env, sql, memory: RefCell::new(None), armed: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let message = Message(json::read(&request.text().await?)?);
        let now = clock::now();
        let told = {
            let mut memory = self.memory()?;
            let told = message.tell(&mut memory.1, now);
            if let Some(identity) = &told {
                memory.0.clone_from(identity);
            }
            told
        };
        let Some((_, every)) = told else {
            let numbers = self.memory()?.1.reading(now).numbers();
            return Ok(ResponseBuilder::new().fixed(json::write(&numbers)?.into_bytes()));
        };
        self.wake_in(every).await?;
        Ok(ResponseBuilder::new().with_status(204).empty())
    }

    async fn alarm(&self) -> Result<Response> {
        self.armed.set(false);
        let ((edge, every), hours, reading) = {
            let memory = self.memory()?;
            (memory.0.clone(), memory.1.hours.clone(), memory.1.reading(clock::now()))
        };
        let statements: Vec<_> = hours.iter().map(|hour| store::add_hour(&edge, hour)).collect();
        let written = match bindings::db(&self.env) {
            Ok(db) if !statements.is_empty() => d1::batch(&db, &statements).await.is_ok(),
            db => db.is_ok(),
        };
        if written {
            self.memory()?.1.written(&hours);
        }
        snapshot::publish(&self.env, &edge, &reading).await;
        let rows = {
            let memory = self.memory()?;
            let mut rows: Vec<Row> = vec![(memory.0.0.clone(), vec![memory.0.1 as f64])];
            rows.extend(memory.1.rows());
            rows
        };
        self.sql.exec(PUT, vec![json::write(&rows)?.into()])?;
        if !written {
            self.wake_in(every).await?;
        }
        Response::empty()
    }
}

impl EdgeMetrics {
    async fn wake_in(&self, seconds: u64) -> Result<()> {
        if !self.armed.get() {
            self.state.storage().set_alarm(Duration::from_secs(seconds.max(1))).await?;
            self.armed.set(true);
        }
        Ok(())
    }

    fn memory(&self) -> Result<RefMut<'_, (Identity, Gauge)>> {
        let mut memory = self.memory.borrow_mut();
        if memory.is_none() {
            self.sql.exec(SCHEMA, None)?;
            let kept = sqlite::rows::<Kept>(&self.sql, LOAD, Vec::new())?.pop();
            let rows: Vec<Row> = match kept {
                Some(kept) => json::read(&kept.json)?,
                None => Vec::new(),
            };
            let identity = rows.first().map(|(edge, numbers)| (edge.clone(), super::wire::whole(numbers.first().copied().unwrap_or(1.0))));
            *memory = Some((identity.unwrap_or_default(), Gauge::of(rows.get(1..).unwrap_or_default())));
        }
        Ok(RefMut::map(memory, Option::get_or_insert_default))
    }
}
