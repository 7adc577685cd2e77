//! `AccountLedger`: the ledger of one account.
//!
//! Architecture invariant: what [`crate::ledger::machine::Ledger`] replies is in SQLite before the reply is sent, and messages are applied one at a time. One
//! message per request (JSON of [`Message`]); a plain "done" has no text, every other reply is JSON of [`Reply`]. The first message initialises the ledger
//! from D1; the alarm writes usage to D1 and checks pending changes whose outcome was not reported.

pub mod checks;
pub mod memory;
pub mod opening;
pub mod storage;

use std::cell::Cell;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::clients::ledger_records;
use crate::io::Io;
use crate::io::object::ObjectState;
use crate::ledger::cost::Prices;
use crate::ledger::machine::Ledger;
use crate::ledger::message::{Message, Reply};
use crate::log;
use crate::objects::ledger::checks::run_due;
use crate::objects::ledger::memory::LedgerMemory;
use crate::objects::ledger::opening::open;
use crate::objects::sql;
use crate::problem::Problem;

/// Delay of the alarm after a failed run, ms.
const AFTER_FAILURE_MS: u64 = 30_000;

/// Least delay of an alarm, ms, so that work which can not be done does not cause a busy loop.
const LEAST_DELAY_MS: u64 = 50;

/// See the module.
pub struct LedgerObject<S, I> {
    io: I,
    memory: LedgerMemory<S>,
    /// The alarm that this instance has set.
    armed: Cell<Option<EpochMs>>,
}

impl<S: ObjectState, I: Io> LedgerObject<S, I> {
    /// Creates it without loading.
    pub fn new(state: S, io: I) -> LedgerObject<S, I> {
        LedgerObject { io, memory: LedgerMemory::new(state), armed: Cell::new(None) }
    }

    /// Applies a message.
    ///
    /// # Errors
    /// Of SQLite and D1, logged.
    pub async fn handle(&self, message: &str) -> Result<Option<String>, Problem> {
        let message: Message = sql::read(message)?;
        match self.apply(message).await {
            Ok(Reply::Done) => Ok(None),
            Ok(reply) => sql::write(&reply).map(Some),
            Err(problem) => {
                self.memory.evict();
                Err(problem)
            }
        }
    }

    /// Runs what is due. None of `prices`: the configuration can not be read.
    ///
    /// # Errors
    /// Of the storage; the platform repeats the alarm.
    pub async fn alarm(&self, prices: Option<&Prices>) -> Result<(), Problem> {
        self.armed.set(None);
        let woken = async {
            run_due(&self.memory, &self.io, prices.ok_or(Problem::Internal)?).await?;
            self.set_alarm().await
        };
        if woken.await.is_err() {
            self.memory.evict();
            self.memory.storage.0.set_alarm(AFTER_FAILURE_MS).await?;
        }
        Ok(())
    }

    async fn apply(&self, message: Message) -> Result<Reply, Problem> {
        if let Message::Close { force } = message {
            return self.close(force).await;
        }
        if !self.memory.load()? {
            match open(&self.memory, &self.io, self.account()?).await {
                // Of an account that was deleted nothing is left to release or to check.
                Err(Problem::NotFound) if matches!(message, Message::Release { .. } | Message::ScheduleCheck { .. }) => return Ok(Reply::Done),
                opened => opened?,
            }
        } else if self.memory.with(|ledger| ledger.wants_limits(&message, self.io.now())) == Some(true) {
            // If D1 does not answer (logged), the previous limits stay in force.
            if let Ok(limits) = ledger_records::limits(&self.io, self.account()?).await {
                self.memory.apply(Message::Change { limits }, self.io.now())?;
            }
        }
        // No await between here and the reply: messages are applied one at a time.
        let reply = self.memory.apply(message, self.io.now())?;
        self.set_alarm().await?;
        Ok(reply)
    }

    /// Forgets everything, unless an outcome is not known yet. A ledger that there is not is not opened.
    async fn close(&self, force: bool) -> Result<Reply, Problem> {
        if self.memory.load()? && !force && self.memory.with(|ledger| ledger.watches.is_empty()) != Some(true) {
            return Ok(Reply::Pending);
        }
        self.memory.evict();
        self.armed.set(None);
        self.memory.storage.0.delete_all().await?;
        Ok(Reply::Done)
    }

    fn account(&self) -> Result<Id, Problem> {
        let name = self.memory.storage.0.name();
        name.and_then(|name| Id::parse(&name)).ok_or_else(|| log::internal("ledger", "a ledger is named by its account"))
    }

    /// Sets the alarm unless an earlier one is set.
    async fn set_alarm(&self) -> Result<(), Problem> {
        // A message that failed while this one waited has evicted the ledger; without the alarm its usage would not be written before the next message.
        self.memory.load()?;
        let Some(wanted) = self.memory.with(Ledger::alarm).flatten() else { return Ok(()) };
        if self.armed.get().is_some_and(|armed| armed <= wanted) {
            return Ok(());
        }
        self.memory.storage.0.set_alarm(wanted.since(self.io.now()).max(LEAST_DELAY_MS)).await?;
        self.armed.set(Some(wanted));
        Ok(())
    }
}
