//! Durable Object `PopMeter`: adds up what isolates of one PoP count for accounts, and tells the accounts' ledgers every ten seconds (docs/accounts.md, Quota).
//!
//! What was reported is in SQLite before the reply is sent. Whether a ledger counted a message whose answer was lost is unknown, so it is not sent again, in the
//! customer's favour.

use std::cell::Cell;
use std::time::Duration;

use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, State, durable_object};

use crate::ledger::pop_meter::message::{Message, Reply};
use crate::ledger::pop_meter::tally::TELL_MS;
use crate::worker::objects::meter_ledgers::{ask, tell, tell_all};
use crate::worker::objects::meter_storage::MeterStorage;
use crate::worker::platform::{alarm, clock, json, objects};

/// See the module.
#[durable_object(alarm)]
pub struct PopMeter {
    state: State,
    env: Env,
    storage: MeterStorage,
    /// Whether this instance has set an alarm.
    armed: Cell<bool>,
}

impl DurableObject for PopMeter {
    fn new(state: State, env: Env) -> Self {
        let storage = MeterStorage::new(state.storage().sql());
        PopMeter { state, env, storage, armed: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if objects::is_ping(&request) {
            return Ok(objects::pong());
        }
        let accounts = match json::read(&request.text().await?)? {
            Message::Report { counted } => {
                for one in &counted {
                    self.storage.add(*one)?;
                }
                counted.into_iter().map(|one| one.account).collect()
            }
            Message::Ask { account } => {
                if self.storage.loaded()?.must_ask(account, clock::now()) {
                    ask(&self.env, &self.storage, account).await?;
                }
                vec![account]
            }
            Message::Renew { account } => {
                ask(&self.env, &self.storage, account).await?;
                vec![account]
            }
            Message::Flush { counted } => {
                self.storage.add(counted)?;
                tell(&self.env, &self.storage, counted.account).await?;
                vec![counted.account]
            }
        };
        self.arm().await?;
        let reply = {
            let (tallies, now) = (self.storage.loaded()?, clock::now());
            Reply { usage: accounts.into_iter().filter_map(|account| Some((account, tallies.usage(account, now)?))).collect() }
        };
        Ok(ResponseBuilder::new().fixed(json::write(&reply)?.into_bytes()))
    }

    async fn alarm(&self) -> Result<Response> {
        alarm::ran();
        self.armed.set(false);
        tell_all(&self.env, &self.storage).await?;
        // Of what was reported meanwhile.
        self.arm().await?;
        Response::empty()
    }
}

impl PopMeter {
    async fn arm(&self) -> Result<()> {
        if !self.armed.get() && !self.storage.loaded()?.untold().is_empty() {
            alarm::set(&self.state, Duration::from_millis(TELL_MS)).await?;
            self.armed.set(true);
        }
        Ok(())
    }
}
