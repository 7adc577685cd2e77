//! `PopMeter`: adds up what isolates of one PoP count for accounts, and tells the accounts' ledgers every ten seconds (docs/accounts.md, Quota).
//!
//! What was reported is in SQLite before the reply is sent. Whether a ledger counted a message whose answer was lost is unknown, so it is not sent again, in the
//! customer's favour.

pub mod ledgers;
pub mod storage;

use std::cell::Cell;

use crate::io::Io;
use crate::io::object::ObjectState;
use crate::ledger::pop_meter::message::{Message, Reply};
use crate::ledger::pop_meter::tally::TELL_MS;
use crate::objects::meter::ledgers::{ask, tell, tell_all};
use crate::objects::meter::storage::MeterStorage;
use crate::objects::sql;
use crate::problem::Problem;

/// See the module.
pub struct MeterObject<S, I> {
    io: I,
    storage: MeterStorage<S>,
    /// Whether this instance has set an alarm.
    armed: Cell<bool>,
}

impl<S: ObjectState, I: Io> MeterObject<S, I> {
    /// Creates it without loading.
    pub fn new(state: S, io: I) -> MeterObject<S, I> {
        MeterObject { io, storage: MeterStorage::new(state), armed: Cell::new(false) }
    }

    /// Applies a message.
    ///
    /// # Errors
    /// Of SQLite, logged.
    pub async fn handle(&self, message: &str) -> Result<Option<String>, Problem> {
        let accounts = match sql::read(message)? {
            Message::Report { counted } => {
                for one in &counted {
                    self.storage.add(*one)?;
                }
                counted.into_iter().map(|one| one.account).collect()
            }
            Message::Ask { account } => {
                if self.storage.loaded()?.must_ask(account, self.io.now()) {
                    ask(&self.io, &self.storage, account).await?;
                }
                vec![account]
            }
            Message::Renew { account } => {
                ask(&self.io, &self.storage, account).await?;
                vec![account]
            }
            Message::Flush { counted } => {
                self.storage.add(counted)?;
                tell(&self.io, &self.storage, counted.account).await?;
                vec![counted.account]
            }
        };
        self.arm().await?;
        let reply = {
            let (tallies, now) = (self.storage.loaded()?, self.io.now());
            Reply { usage: accounts.into_iter().filter_map(|account| Some((account, tallies.usage(account, now)?))).collect() }
        };
        sql::write(&reply).map(Some)
    }

    /// Tells the ledgers.
    ///
    /// # Errors
    /// Of the storage; the platform repeats the alarm.
    pub async fn alarm(&self) -> Result<(), Problem> {
        self.armed.set(false);
        tell_all(&self.io, &self.storage).await?;
        // Of what was reported meanwhile.
        self.arm().await
    }

    async fn arm(&self) -> Result<(), Problem> {
        if !self.armed.get() && !self.storage.loaded()?.untold().is_empty() {
            self.storage.state().set_alarm(TELL_MS).await?;
            self.armed.set(true);
        }
        Ok(())
    }
}
