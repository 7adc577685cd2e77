//! Everything outside requests and jobs: store, database, Durable Objects, queue and clock. Each call to them is one step of the schedule.

use super::check;
use super::database::{Database, found};
use super::faults::{Fault, turn};
use super::ledgers::LedgerObject;
use super::model::Model;
use super::parties::{self, FOUND, Party};
use super::queue::Queue;
use super::sessions::SessionObject;
use super::store::Store;
use serde::de::DeserializeOwned;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sql::Statement;
use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::jobs::Job;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::s3::error::StoreError;
use jettyspeed_edge::uploads::session::state::Meta;

/// Start time of every history.
const BEGIN: EpochMs = EpochMs(1_795_000_000_000);

/// The simulated environment.
pub struct World {
    pub db: Database,
    pub parties: Vec<Party>,
    pub store: RefCell<Store>,
    pub sessions: RefCell<BTreeMap<Id, SessionObject>>,
    pub ledgers: RefCell<BTreeMap<Id, LedgerObject>>,
    pub queue: RefCell<Queue>,
    pub model: RefCell<Model>,
    /// Every multipart upload that was created at the store, oldest first.
    pub opened: RefCell<Vec<Meta>>,
    /// Fault of the next call.
    pub fault: Cell<Fault>,
    /// Deadline of the running operation; one that passes it is killed.
    pub deadline: Cell<EpochMs>,
    /// Log of calls and notes, printed with a failure: operation, name, fault.
    pub trace: RefCell<Vec<(u32, &'static str, Fault)>>,
    /// Number of the running operation.
    pub turn: Cell<u32>,
    /// The first violated invariant.
    pub wrong: RefCell<Option<String>>,
    now: Cell<EpochMs>,
    drawn: Cell<u64>,
}

impl World {
    pub fn new() -> World {
        let world = World {
            db: Database::new(),
            parties: parties::all(),
            store: RefCell::default(),
            sessions: RefCell::default(),
            ledgers: RefCell::default(),
            queue: RefCell::default(),
            model: RefCell::default(),
            opened: RefCell::default(),
            fault: Cell::new(Fault::None),
            deadline: Cell::new(BEGIN),
            trace: RefCell::default(),
            turn: Cell::new(0),
            wrong: RefCell::default(),
            now: Cell::new(BEGIN),
            drawn: Cell::new(0),
        };
        let old = found(&world.parties[0]);
        world.store.borrow_mut().put(&old.s3_key, FOUND.as_bytes());
        world.model.borrow_mut().wants(old.account_id, old.id, FOUND.as_bytes());
        world.model.borrow_mut().kept.insert(old.id);
        world
    }

    pub fn now(&self) -> EpochMs {
        self.now.get()
    }

    pub fn pass(&self, ms: u64) {
        self.now.set(self.now().plus(ms));
    }

    /// A deterministic pseudorandom id.
    pub fn draw(&self) -> Id {
        self.drawn.set(self.drawn.get() + 1);
        // Finaliser of SplitMix64: a bijection, so ids do not repeat.
        let mut z = self.drawn.get().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Id::from_random(u128::from(z).wrapping_mul(0x1_0000_0000_0000_0001).to_be_bytes())
    }

    /// Limits the duration of the operation that begins now, ms.
    pub fn set_time_limit(&self, ms: u64) {
        self.deadline.set(self.now().plus(ms));
    }

    pub fn fail(&self, wrong: impl FnOnce() -> String) {
        self.wrong.borrow_mut().get_or_insert_with(wrong);
    }

    /// Adds a note to the log.
    pub fn note(&self, what: &'static str) {
        self.trace.borrow_mut().push((self.turn.get(), what, Fault::None));
    }

    /// Waits until the scheduler admits the next call; returns its fault.
    pub async fn arrive(&self, name: &'static str) -> Fault {
        turn().await;
        // Every third call advances the clock by 1 ms, so that events share a millisecond.
        let steps = self.trace.borrow().len();
        self.pass(u64::from(steps.is_multiple_of(3)));
        let fault = self.fault.replace(Fault::None);
        self.trace.borrow_mut().push((self.turn.get(), name, fault));
        fault
    }

    /// Performs a call with its fault; None if the answer is lost.
    pub async fn call<T>(&self, name: &'static str, work: impl FnOnce() -> T) -> Option<T> {
        match self.arrive(name).await {
            Fault::None => Some(work()),
            Fault::Lost => {
                work();
                None
            }
            Fault::Cut => None,
        }
    }

    pub async fn batch(&self, name: &'static str, statements: &[Statement]) -> Result<(), Problem> {
        let written = self.call(name, || self.db.batch(statements)).await;
        check::every_file_has_its_bytes(self, name);
        written.ok_or(Problem::Internal)?.map_err(|_| Problem::Internal)
    }

    pub async fn all<T: DeserializeOwned>(&self, name: &'static str, statement: &Statement) -> Result<Vec<T>, Problem> {
        self.call(name, || self.db.all(statement)).await.ok_or(Problem::Internal)
    }

    pub async fn first<T: DeserializeOwned>(&self, name: &'static str, statement: &Statement) -> Result<Option<T>, Problem> {
        Ok(self.all(name, statement).await?.into_iter().next())
    }

    /// A request to the store.
    pub async fn send<T>(&self, name: &'static str, request: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let answer = self.call(name, || request(&mut self.store.borrow_mut())).await;
        answer.unwrap_or_else(|| Err(StoreError::unreachable("lost".to_owned())))
    }

    /// Deletes an object; deleting an absent one is no error.
    pub async fn delete_object(&self, name: &'static str, key: &str) -> Result<(), StoreError> {
        let deleted = self
            .send(name, |store| {
                store.delete(key);
                Ok(())
            })
            .await;
        check::every_file_has_its_bytes(self, name);
        deleted
    }

    /// Enqueues a job with a delay of `ms`.
    pub async fn enqueue(&self, job: Job, ms: u64) -> Result<(), Problem> {
        let due = self.now().plus(ms);
        self.call("enqueue", || self.queue.borrow_mut().send(job, due)).await.ok_or(Problem::Internal)
    }
}
