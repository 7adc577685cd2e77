//! Durable Object `AccountLedger`: the ledger of one account.
//!
//! Architecture invariant: what [`crate::ledger::machine::Ledger`] replies is in SQLite before the reply is sent, and messages are applied one at a time. One
//! message per request (`POST`, JSON of [`Message`]); a plain "done" is a 204, every other reply JSON of [`Reply`]. The first message initialises the ledger
//! from D1; the alarm writes usage to D1 and checks pending changes whose outcome was not reported.

use std::cell::Cell;
use std::time::Duration;

use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, State, durable_object};

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::ledger::machine::Ledger;
use crate::ledger::message::{Message, Reply};
use crate::worker::clients::ledger_records;
use crate::worker::objects::ledger_checks::run_due;
use crate::worker::objects::ledger_memory::LedgerMemory;
use crate::worker::objects::ledger_opening::open;
use crate::worker::platform::{alarm, clock, json, log, objects};

/// Delay of the alarm after a failed run.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// See the module.
#[durable_object(alarm)]
pub struct AccountLedger {
    state: State,
    env: Env,
    memory: LedgerMemory,
    /// The alarm that this instance has set.
    armed: Cell<Option<EpochMs>>,
}

impl DurableObject for AccountLedger {
    fn new(state: State, env: Env) -> Self {
        AccountLedger { memory: LedgerMemory::new(state.storage().sql()), state, env, armed: Cell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if objects::is_ping(&request) {
            return Ok(objects::pong());
        }
        let message: Message = json::read(&request.text().await?)?;
        match self.handle(message).await {
            Ok(Reply::Done) => Ok(ResponseBuilder::new().with_status(204).empty()),
            Ok(reply) => Ok(ResponseBuilder::new().fixed(json::write(&reply)?.into_bytes())),
            Err(error) => {
                self.memory.evict();
                let _ = log::internal("ledger", &error.to_string());
                Ok(ResponseBuilder::new().with_status(500).empty())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        alarm::ran();
        self.armed.set(None);
        let woken = async {
            run_due(&self.memory, &self.env).await?;
            self.set_alarm().await
        };
        if let Err(error) = woken.await {
            self.memory.evict();
            let _ = log::internal("ledger alarm", &error.to_string());
            alarm::set(&self.state, AFTER_FAILURE).await?;
        }
        Response::empty()
    }
}

impl AccountLedger {
    async fn handle(&self, message: Message) -> Result<Reply> {
        if !self.memory.load()? {
            open(&self.memory, &self.env, self.account()?).await?;
        } else if self.memory.with(|ledger| ledger.wants_limits(&message, clock::now())) == Some(true) {
            // If D1 does not answer (logged in `d1`), the previous limits stay in force.
            if let Ok(limits) = ledger_records::limits(&self.env, self.account()?).await {
                self.memory.apply(Message::Change { limits })?;
            }
        }
        // No await between here and the reply: messages are applied one at a time.
        let reply = self.memory.apply(message)?;
        self.set_alarm().await?;
        Ok(reply)
    }

    fn account(&self) -> Result<Id> {
        self.state.id().name().and_then(|name| Id::parse(&name)).ok_or_else(|| "a ledger is named by its account".into())
    }

    /// Sets the alarm unless an earlier one is set.
    async fn set_alarm(&self) -> Result<()> {
        let Some(wanted) = self.memory.with(Ledger::alarm).flatten() else { return Ok(()) };
        if self.armed.get().is_some_and(|armed| armed <= wanted) {
            return Ok(());
        }
        // At least 50 ms ahead, so that work which can not be done does not cause a busy loop.
        alarm::set(&self.state, Duration::from_millis(wanted.since(clock::now()).max(50))).await?;
        self.armed.set(Some(wanted));
        Ok(())
    }
}
