//! The ledger of one account in memory, backed by its tables. A change is in SQLite before its reply is returned.

use std::cell::RefCell;

use crate::base::time::EpochMs;
use crate::io::object::ObjectState;
use crate::ledger::machine::Ledger;
use crate::ledger::message::{Message, Reply};
use crate::ledger::opening::Opening;
use crate::ledger::state::Effect;
use crate::log;
use crate::objects::ledger::storage::LedgerStorage;
use crate::problem::Problem;

/// A ledger, loaded from SQLite on first use and again after a failed write.
pub struct LedgerMemory<S> {
    /// The tables.
    pub storage: LedgerStorage<S>,
    /// The attempt to initialise it.
    pub opening: RefCell<Opening>,
    ledger: RefCell<Option<Ledger>>,
}

impl<S: ObjectState> LedgerMemory<S> {
    /// Creates it without loading.
    pub fn new(state: S) -> LedgerMemory<S> {
        LedgerMemory { storage: LedgerStorage(state), opening: RefCell::default(), ledger: RefCell::new(None) }
    }

    /// Applies a message and writes its effects.
    pub fn apply(&self, message: Message, now: EpochMs) -> Result<Reply, Problem> {
        self.load()?;
        let facts = self.storage.facts(&message)?;
        self.change(|ledger| ledger.apply(message, facts, now))
    }

    /// Applies `step` to the ledger and writes its effects.
    pub fn change<T>(&self, step: impl FnOnce(&mut Ledger) -> (T, Vec<Effect>)) -> Result<T, Problem> {
        let mut ledger = self.ledger.borrow_mut();
        let ledger = ledger.as_mut().ok_or_else(|| log::internal("ledger", "not open"))?;
        let (value, effects) = step(ledger);
        self.storage.write(ledger, effects)?;
        Ok(value)
    }

    /// Loads the ledger into memory; false if it was not initialised yet.
    pub fn load(&self) -> Result<bool, Problem> {
        if self.ledger.borrow().is_none() {
            let ledger = self.storage.load()?;
            self.ledger.replace(ledger);
        }
        Ok(self.ledger.borrow().is_some())
    }

    /// Stores a new ledger, first in SQLite, then in memory.
    pub fn begin(&self, ledger: Ledger) -> Result<(), Problem> {
        let checks = ledger.watches.iter().map(|(asset, check)| Effect::PutPendingCheck(*asset, *check));
        let effects = checks.chain([Effect::PutState]).collect();
        self.storage.write(&ledger, effects)?;
        self.ledger.replace(Some(ledger));
        Ok(())
    }

    /// Evicts the ledger from memory: after a failed write memory may differ from SQLite.
    pub fn evict(&self) {
        self.ledger.replace(None);
    }

    /// The result of `read` on the ledger; `None` if it is not in memory.
    pub fn with<T>(&self, read: impl FnOnce(&Ledger) -> T) -> Option<T> {
        self.ledger.borrow().as_ref().map(read)
    }
}
