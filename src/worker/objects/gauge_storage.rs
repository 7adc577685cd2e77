//! Storage of an edge's gauge: one JSON row in the SQLite of its Durable Object.

use std::cell::{RefCell, RefMut};

use serde::Deserialize;
use worker::{Result, SqlStorage};

use crate::edges::metrics::gauge::Gauge;
use crate::edges::metrics::row::{Row, whole};
use crate::worker::platform::{json, sqlite};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS kept (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL)";
const LOAD: &str = "SELECT json FROM kept";
const PUT: &str = "INSERT INTO kept (one, json) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET json = excluded.json";

/// The edge's id and publishing interval, s; known after the first samples.
pub type Identity = (String, u64);

/// The gauge with its edge, loaded on first use.
pub struct GaugeStorage {
    sql: SqlStorage,
    memory: RefCell<Option<(Identity, Gauge)>>,
}

#[derive(Deserialize)]
struct Kept {
    json: String,
}

impl GaugeStorage {
    /// Creates the storage without loading.
    pub fn new(sql: SqlStorage) -> GaugeStorage {
        GaugeStorage { sql, memory: RefCell::new(None) }
    }

    /// The edge and its gauge.
    pub fn loaded(&self) -> Result<RefMut<'_, (Identity, Gauge)>> {
        let mut memory = self.memory.borrow_mut();
        if memory.is_none() {
            sqlite::create(&self.sql, SCHEMA)?;
            let kept = sqlite::rows::<Kept>(&self.sql, LOAD, Vec::new())?.pop();
            let rows: Vec<Row> = match kept {
                Some(kept) => json::read(&kept.json)?,
                None => Vec::new(),
            };
            let identity = rows.first().map(|(edge, numbers)| (edge.clone(), whole(numbers.first().copied().unwrap_or(1.0))));
            *memory = Some((identity.unwrap_or_default(), Gauge::from_rows(rows.get(1..).unwrap_or_default())));
        }
        Ok(RefMut::map(memory, Option::get_or_insert_default))
    }

    /// Writes the gauge.
    pub fn write(&self) -> Result<()> {
        let rows = {
            let memory = self.loaded()?;
            let mut rows: Vec<Row> = vec![(memory.0.0.clone(), vec![memory.0.1 as f64])];
            rows.extend(memory.1.rows());
            rows
        };
        sqlite::run(&self.sql, PUT, vec![json::write(&rows)?.into()])
    }
}
