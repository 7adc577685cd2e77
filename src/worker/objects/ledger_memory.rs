//! The ledger of one account in memory, over its tables. What a change answers is in SQLite before it returns.

use std::cell::RefCell;

use worker::{Result, SqlStorage};

use crate::ledger::machine::Ledger;
use crate::ledger::message::{Message, Reply};
use crate::ledger::state::Effect;
use crate::worker::objects::ledger_storage::LedgerStorage;
use crate::worker::platform::clock;

/// A ledger that is read from SQLite when it is first needed, and again after a failed write.
pub struct LedgerMemory {
    /// Its tables.
    pub storage: LedgerStorage,
    ledger: RefCell<Option<Ledger>>,
}

impl LedgerMemory {
    /// Nothing is read yet.
    pub fn new(sql: SqlStorage) -> LedgerMemory {
        LedgerMemory { storage: LedgerStorage(sql), ledger: RefCell::new(None) }
    }

    /// Applies a message and writes what it changed.
    pub fn book(&self, message: Message) -> Result<Reply> {
        self.load()?;
        let facts = self.storage.facts(&message)?;
        self.change(|ledger| ledger.apply(message, facts, clock::now()))
    }

    /// Lets `step` change the ledger and writes what it changed.
    pub fn change<T>(&self, step: impl FnOnce(&mut Ledger) -> (T, Vec<Effect>)) -> Result<T> {
        let mut ledger = self.ledger.borrow_mut();
        let ledger = ledger.as_mut().ok_or("not open")?;
        let (value, effects) = step(ledger);
        self.storage.write(ledger, effects)?;
        Ok(value)
    }

    /// Reads the books into memory; false if there are none yet.
    pub fn load(&self) -> Result<bool> {
        if self.ledger.borrow().is_none() {
            let ledger = self.storage.load()?;
            self.ledger.replace(ledger);
        }
        Ok(self.ledger.borrow().is_some())
    }

    /// A ledger that was just opened: written, then kept.
    pub fn begin(&self, ledger: Ledger) -> Result<()> {
        self.storage.write(&ledger, vec![Effect::PutState])?;
        self.ledger.replace(Some(ledger));
        Ok(())
    }

    /// Drops what is in memory: after a failed write it may not be what is stored.
    pub fn forget(&self) {
        self.ledger.replace(None);
    }

    /// What `read` says of the ledger; None if there is none.
    pub fn with<T>(&self, read: impl FnOnce(&Ledger) -> T) -> Option<T> {
        self.ledger.borrow().as_ref().map(read)
    }
}
