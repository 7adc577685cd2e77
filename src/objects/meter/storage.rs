//! Storage of a PoP's meter: memory, and a row for each account whose ledger has not been told everything.

use std::cell::{RefCell, RefMut};

use serde::Deserialize;

use crate::base::id::Id;
use crate::io::object::ObjectState;
use crate::ledger::accrual::StoreReads;
use crate::ledger::pop_meter::message::Counted;
use crate::ledger::pop_meter::schema::{DROP, LOAD, PUT, SCHEMA};
use crate::ledger::pop_meter::tally::Tallies;
use crate::objects::sql;
use crate::problem::Problem;

/// The storage.
pub struct MeterStorage<S> {
    state: S,
    memory: RefCell<Option<Tallies>>,
}

#[derive(Deserialize)]
struct Row {
    account: Id,
    bytes: u64,
    read_bytes: u64,
    read_usd: f64,
}

impl<S: ObjectState> MeterStorage<S> {
    /// Creates the storage without loading.
    pub fn new(state: S) -> MeterStorage<S> {
        MeterStorage { state, memory: RefCell::new(None) }
    }

    /// The object's own.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The tallies. Not to be held while anything is awaited.
    pub fn loaded(&self) -> Result<RefMut<'_, Tallies>, Problem> {
        let mut memory = self.memory.borrow_mut();
        if memory.is_none() {
            sql::create(&self.state, SCHEMA)?;
            let mut tallies = Tallies::default();
            for Row { account, bytes, read_bytes, read_usd } in sql::rows::<Row>(&self.state, LOAD, Vec::new())? {
                tallies.add(Counted { account, bytes, reads: StoreReads { bytes: read_bytes, usd: read_usd } });
            }
            *memory = Some(tallies);
        }
        Ok(RefMut::map(memory, Option::get_or_insert_default))
    }

    /// Counts.
    pub fn add(&self, counted: Counted) -> Result<(), Problem> {
        let Counted { account, bytes, reads } = self.loaded()?.add(counted);
        sql::run(&self.state, PUT, vec![account.to_string().into(), bytes.into(), reads.bytes.into(), reads.usd.into()])
    }

    /// What the account's ledger is to be told now; from now on it counts as told.
    pub fn take(&self, account: Id) -> Result<Counted, Problem> {
        sql::run(&self.state, DROP, vec![account.to_string().into()])?;
        Ok(self.loaded()?.take(account))
    }
}
