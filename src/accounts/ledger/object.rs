//! The account's ledger as a Durable Object.
//!
//! Invariant: what [`super::Ledger`] answers is in SQLite before the answer leaves, and one message is booked at a time. One message per request (`POST`,
//! JSON of [`Message`]); a bare "done" is a 204, every other answer JSON of [`Reply`]. At its first message it takes over what D1 says the account stores;
//! its alarm writes the figures to D1 and asks D1 about everything that nobody has told the end of.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use worker::{DurableObject, Env, Request, Response, ResponseBuilder, Result, State, durable_object};

use super::disk::Disk;
use super::{Effect, Ledger, Message, Outcome, Reply, Seen, record};
use crate::ids::Id;
use crate::jobs::{self, Job};
use crate::json;
use crate::platform::{clock, log};
use crate::problem::Problem;
use crate::units::EpochMs;

/// How many assets in doubt one alarm looks into, so that it stays short; the next one goes on.
const LOOKS: usize = 100;
/// When an alarm that failed rings again.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// See the module.
#[durable_object(alarm)]
pub struct AccountLedger {
    state: State,
    env: Env,
    disk: Disk,
    /// None until the first message, and again after a failed write: then it is read anew.
    memory: RefCell<Option<Ledger>>,
    /// The alarm this instance has set.
    armed: Cell<Option<EpochMs>>,
}

impl DurableObject for AccountLedger {
    fn new(state: State, env: Env) -> Self {
        let disk = Disk(state.storage().sql());
        AccountLedger { state, env, disk, memory: RefCell::new(None), armed: Cell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let message: Message = json::read(&request.text().await?)?;
        match self.take(message).await {
            Ok(Reply::Done) => Ok(ResponseBuilder::new().with_status(204).empty()),
            Ok(reply) => Ok(ResponseBuilder::new().fixed(json::write(&reply)?.into_bytes())),
            Err(error) => {
                self.memory.replace(None);
                let _ = log::internal("ledger", &error.to_string());
                Ok(ResponseBuilder::new().with_status(500).empty())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.armed.set(None);
        let woken = match self.wake().await {
            Ok(()) => self.arm().await,
            Err(error) => Err(error),
        };
        if let Err(error) = woken {
            self.memory.replace(None);
            let _ = log::internal("ledger alarm", &error.to_string());
            self.state.storage().set_alarm(AFTER_FAILURE).await?;
        }
        Response::empty()
    }
}

fn failed(problem: Problem) -> worker::Error {
    worker::Error::RustError(problem.to_string())
}

impl AccountLedger {
    async fn take(&self, message: Message) -> Result<Reply> {
        if !self.load()? {
            self.open().await?;
        } else if self.memory.borrow().as_ref().is_some_and(|ledger| ledger.wants_limits(&message, clock::now())) {
            let id = self.id()?;
            // Without an answer, which is logged there, the old limits hold.
            if let Ok(limits) = record::limits(&self.env, id).await {
                self.book(Message::Change { limits })?;
            }
        }
        // No await from here to the answer: one message is booked at a time.
        let reply = self.book(message)?;
        self.arm().await?;
        Ok(reply)
    }

    fn id(&self) -> Result<Id> {
        self.state.id().name().and_then(|name| Id::parse(&name)).ok_or_else(|| "a ledger is named by its account".into())
    }

    /// Applies a message and writes what it changed.
    fn book(&self, message: Message) -> Result<Reply> {
        self.load()?;
        let facts = self.disk.facts(&message)?;
        self.change(|ledger| ledger.apply(message, facts, clock::now()))
    }

    fn change<T>(&self, step: impl FnOnce(&mut Ledger) -> (T, Vec<Effect>)) -> Result<T> {
        let mut memory = self.memory.borrow_mut();
        let ledger = memory.as_mut().ok_or("not open")?;
        let (value, effects) = step(ledger);
        self.disk.write(ledger, effects)?;
        Ok(value)
    }

    /// Reads the books into memory; false if there are none yet.
    fn load(&self) -> Result<bool> {
        if self.memory.borrow().is_none() {
            let ledger = self.disk.load()?;
            self.memory.replace(ledger);
        }
        Ok(self.memory.borrow().is_some())
    }

    /// Takes over what D1 says. Until that is done no message is booked, so nothing can change in between but deletions, whose release then comes here.
    async fn open(&self) -> Result<()> {
        let (id, now) = (self.id()?, clock::now());
        let limits = record::limits(&self.env, id).await.map_err(failed)?;
        let stored = record::stored(&self.env, id).await.map_err(failed)?;
        let (bandwidth, requests) = record::counted(&self.env, id, now).await.map_err(failed)?;
        if self.load()? {
            // Another message opened it meanwhile.
            return Ok(());
        }
        let mut ledger = Ledger::open(id, limits, self.disk.take_over(stored)?, now);
        (ledger.books.bandwidth, ledger.books.requests) = (bandwidth, requests);
        self.disk.write(&ledger, vec![Effect::PutBooks])?;
        self.memory.replace(Some(ledger));
        Ok(())
    }

    /// Sets the alarm if it would come too late.
    async fn arm(&self) -> Result<()> {
        let Some(wanted) = self.memory.borrow().as_ref().and_then(Ledger::alarm) else { return Ok(()) };
        if self.armed.get().is_some_and(|armed| armed <= wanted) {
            return Ok(());
        }
        // At least a moment from now, so that what cannot be done is not tried in a loop.
        self.state.storage().set_alarm(Duration::from_millis(wanted.since(clock::now()).max(50))).await?;
        self.armed.set(Some(wanted));
        Ok(())
    }

    async fn wake(&self) -> Result<()> {
        if !self.load()? {
            return Ok(());
        }
        let due = self.memory.borrow().as_ref().map(|ledger| ledger.due(clock::now(), LOOKS)).unwrap_or_default();
        for (asset, watch) in due {
            let seen = record::look(&self.env, asset).await;
            self.load()?;
            let outcome = self.memory.borrow().as_ref().map_or(Outcome::Nothing, |ledger| ledger.after_look(asset, watch, seen, clock::now()));
            match outcome {
                Outcome::Nothing => {}
                Outcome::Book(message) => {
                    if seen == Seen::Gone {
                        let account = self.id()?;
                        let job = match self.disk.place(asset)? {
                            Some(place) => Job::AmendVideo { account, version: asset, place },
                            None => Job::Orphan { account, object: asset },
                        };
                        // First: should this not get there, it is looked into again.
                        jobs::enqueue(&self.env, &job).await?;
                        self.load()?;
                        // Somebody may have told its end meanwhile.
                        if !self.memory.borrow().as_ref().is_some_and(|ledger| ledger.watches.get(&asset) == Some(&watch)) {
                            continue;
                        }
                    }
                    self.change(|ledger| ((), ledger.looked(asset)))?;
                    self.book(message)?;
                }
                Outcome::LookAgain(at) => self.change(|ledger| ((), ledger.postpone(asset, at)))?,
            }
        }
        self.checkpoint().await
    }

    async fn checkpoint(&self) -> Result<()> {
        self.load()?;
        let now = clock::now();
        let due = self.change(|ledger| (ledger.due_checkpoint(now), vec![Effect::PutBooks]))?;
        let Some(usage) = due else { return Ok(()) };
        // What fails is logged there, and due again in a while.
        if record::write(&self.env, self.id()?, &usage, now).await.is_err() {
            return Ok(());
        }
        self.load()?;
        self.change(|ledger| {
            ledger.checkpointed(&usage);
            ((), vec![Effect::PutBooks])
        })
    }
}
