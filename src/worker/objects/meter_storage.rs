//! Storage of a PoP's meter: memory, and a row for each account whose ledger has not been told everything.

use std::cell::{RefCell, RefMut};

use serde::Deserialize;
use worker::{Result, SqlStorage};

use crate::base::id::Id;
use crate::ledger::accrual::StoreReads;
use crate::ledger::pop_meter::message::Counted;
use crate::ledger::pop_meter::schema::{DROP, LOAD, PUT, SCHEMA};
use crate::ledger::pop_meter::tally::Tallies;
use crate::worker::platform::sqlite;

/// The storage.
pub struct MeterStorage {
    sql: SqlStorage,
    memory: RefCell<Option<Tallies>>,
}

#[derive(Deserialize)]
struct Row {
    account: Id,
    bytes: u64,
    read_bytes: u64,
    read_usd: f64,
}

impl MeterStorage {
    /// Creates the storage without loading.
    pub fn new(sql: SqlStorage) -> MeterStorage {
        MeterStorage { sql, memory: RefCell::new(None) }
    }

    /// The tallies. Not to be held while anything is awaited.
    pub fn loaded(&self) -> Result<RefMut<'_, Tallies>> {
        let mut memory = self.memory.borrow_mut();
        if memory.is_none() {
            self.sql.exec(SCHEMA, None)?;
            let mut tallies = Tallies::default();
            for Row { account, bytes, read_bytes, read_usd } in sqlite::rows::<Row>(&self.sql, LOAD, Vec::new())? {
                tallies.add(Counted { account, bytes, reads: StoreReads { bytes: read_bytes, usd: read_usd } });
            }
            *memory = Some(tallies);
        }
        Ok(RefMut::map(memory, Option::get_or_insert_default))
    }

    /// Counts.
    pub fn add(&self, counted: Counted) -> Result<()> {
        let Counted { account, bytes, reads } = self.loaded()?.add(counted);
        // Integers stay below 2^53, so they are exact in f64.
        self.sql.exec(PUT, vec![account.to_string().into(), (bytes as f64).into(), (reads.bytes as f64).into(), reads.usd.into()])?;
        Ok(())
    }

    /// What the account's ledger is to be told now; from now on it counts as told.
    pub fn take(&self, account: Id) -> Result<Counted> {
        self.sql.exec(DROP, vec![account.to_string().into()])?;
        Ok(self.loaded()?.take(account))
    }
}
