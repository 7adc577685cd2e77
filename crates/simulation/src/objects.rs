//! Durable Objects: the product's own, each with its storage, its alarm and what it remembers until it is evicted.

use std::collections::BTreeMap;
use std::rc::Rc;

use jettyspeed_edge::base::sql::Arg;
use jettyspeed_edge::io::object::{Kind, ObjectState, Undelivered};
use jettyspeed_edge::objects::ledger::LedgerObject;
use jettyspeed_edge::objects::meter::MeterObject;
use jettyspeed_edge::objects::session::SessionObject;
use jettyspeed_edge::problem::Problem;
use rusqlite::Connection;

use crate::chance::child;
use crate::fault::{Fault, Port};
use crate::pool::{Pools, run};
use crate::scheduler::Begun;
use crate::sqlite;
use crate::task::{Number, ObjectId, Pause, Role};
use crate::world::{Event, Sim};

/// Attempts at an alarm that fails (Durable Objects documentation, "Alarms").
const ALARM_ATTEMPTS: u32 = 7;

/// Delay of the second attempt, ms; each further one doubles it.
const ALARM_RETRY_MS: u64 = 2_000;

/// How long a message takes to a slow object, ms.
const HOUR_MS: u64 = 3_600_000;

/// Time limit of an alarm, ms.
const ALARM_MS: u64 = 900_000;

/// What an object is in memory.
enum Instance {
    Session(SessionObject<State, Sim>),
    Ledger(Box<LedgerObject<State, Sim>>),
    Meter(MeterObject<State, Sim>),
}

/// An object.
struct Object {
    storage: Rc<Connection>,
    instance: Option<Rc<Instance>>,
    running: Vec<Number>,
    /// When its alarm rings, and the number of that setting.
    alarm: Option<(u64, u64)>,
    failures: u32,
    rung: u64,
}

/// All objects.
#[derive(Default)]
pub struct Objects(BTreeMap<ObjectId, Object>);

impl Objects {
    /// Gives their connections back.
    pub fn give_back(self, pools: &mut Pools) {
        for ((kind, _), object) in self.0 {
            drop(object.instance);
            pools.take_back_object(kind, object.storage);
        }
    }

    /// The rows of a statement in the storage of each object of a kind, by its name.
    ///
    /// # Panics
    /// If the statement cannot run.
    pub fn stored(&self, kind: Kind, sql: &str) -> Vec<(Rc<str>, String)> {
        let of_kind = self.0.iter().filter(|((other, _), _)| *other == kind);
        of_kind.map(|((_, name), object)| (Rc::clone(name), sqlite::rows(&object.storage, sql, &[]).expect("a statement").0)).collect()
    }

    /// The rows of a statement in the storage of one object; None if there is none of that name.
    ///
    /// # Panics
    /// If the statement cannot run.
    pub fn one(&self, kind: Kind, name: &str, sql: &str) -> Option<String> {
        let object = self.0.get(&(kind, name.into()))?;
        Some(sqlite::rows(&object.storage, sql, &[]).expect("a statement").0)
    }

    /// The instant of the next alarm of each object that has one.
    pub fn alarms(&self) -> impl Iterator<Item = (&ObjectId, u64)> {
        self.0.iter().filter_map(|(id, object)| Some((id, object.alarm?.0)))
    }
}

/// What an object has of its own.
struct State {
    sim: Sim,
    id: ObjectId,
    storage: Rc<Connection>,
}

impl ObjectState for State {
    fn name(&self) -> Option<String> {
        Some(self.id.1.to_string())
    }

    fn sql(&self, statement: &str, args: Vec<Arg>) -> Result<String, Problem> {
        // The tables are there from the beginning.
        if statement.starts_with("CREATE ") {
            return Ok("[]".to_owned());
        }
        sqlite::rows(&self.storage, statement, &args).map(|(text, _)| text).map_err(|error| {
            self.sim.fail(|| format!("{error}: {statement}"));
            Problem::Internal
        })
    }

    async fn set_alarm(&self, ms: u64) -> Result<(), Problem> {
        let at = self.sim.time() + ms;
        self.sim.arm(&self.id, at);
        Ok(())
    }

    async fn delete_all(&self) -> Result<(), Problem> {
        run(&self.storage, "ROLLBACK");
        run(&self.storage, "BEGIN");
        if let Some(object) = self.sim.objects.borrow_mut().0.get_mut(&self.id) {
            object.alarm = None;
        }
        Ok(())
    }
}

impl Sim {
    fn arm(&self, id: &ObjectId, at: u64) {
        let serial = self.next();
        if let Some(object) = self.objects.borrow_mut().0.get_mut(id) {
            object.alarm = Some((at, serial));
        }
        self.at(at, Event::Alarm(id.clone(), serial));
    }

    /// The object in memory, created or loaded if need be.
    fn instance(&self, id: &ObjectId) -> Rc<Instance> {
        let mut objects = self.objects.borrow_mut();
        let object = objects.0.entry(id.clone()).or_insert_with(|| Object {
            storage: Rc::new(self.pools.borrow_mut().object(id.0)),
            instance: None,
            running: Vec::new(),
            alarm: None,
            failures: 0,
            rung: 0,
        });
        let storage = Rc::clone(&object.storage);
        let instance = object.instance.get_or_insert_with(|| {
            let state = State { sim: self.clone(), id: id.clone(), storage };
            Rc::new(match id.0 {
                Kind::Session => Instance::Session(SessionObject::new(state, self.clone())),
                Kind::Ledger => Instance::Ledger(Box::new(LedgerObject::new(state, self.clone()))),
                Kind::Meter | Kind::Live => Instance::Meter(MeterObject::new(state, self.clone())),
            })
        });
        Rc::clone(instance)
    }

    /// Evicts an object from memory, unless something runs in it.
    fn evict(&self, id: &ObjectId) {
        let evicted = self.objects.borrow_mut().0.get_mut(id).filter(|object| object.running.is_empty()).and_then(|object| object.instance.take());
        drop(evicted);
    }

    /// Ends what runs in an object, and evicts it from memory.
    pub fn crash(&self, id: &ObjectId) {
        let (running, instance) = {
            let mut objects = self.objects.borrow_mut();
            let Some(object) = objects.0.get_mut(id) else { return };
            (std::mem::take(&mut object.running), object.instance.take())
        };
        running.into_iter().for_each(|number| self.kill(number));
        drop(instance);
    }

    /// An object loses what it has stored, and its alarm.
    pub fn lose(&self, id: &ObjectId) {
        self.crash(id);
        if let Some(object) = self.objects.borrow_mut().0.get_mut(id) {
            run(&object.storage, "ROLLBACK");
            run(&object.storage, "BEGIN");
            object.alarm = None;
        }
    }

    /// Sends a message to an object and waits for its answer.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn send(&self, kind: Kind, name: &str, message: String) -> Result<Option<String>, Undelivered> {
        let shown = message.clone();
        let fault = self.pass(Port::Object(kind), || format!("{name:.8} {shown:.160}")).await;
        if self.is_slow(name) {
            Pause::new(self, HOUR_MS).await;
        }
        let id: ObjectId = (kind, name.into());
        // Half of what fails is said to pass when it is sent again.
        let may_pass = self.tasks.borrow()[self.current()].calls.is_multiple_of(2);
        match fault {
            Fault::Before => return Err(Undelivered { was_refused: false, may_pass }),
            Fault::Busy => return Err(Undelivered { was_refused: true, may_pass: false }),
            Fault::Evicted => self.evict(&id),
            Fault::Crashed => {
                self.crash(&id);
                return Err(Undelivered { was_refused: false, may_pass });
            }
            _ => {}
        }
        let instance = self.instance(&id);
        let begun = Begun { object: Some(id.clone()), ..Begun::by(self, Role::Message, "") };
        let held = id.clone();
        let sim = self.clone();
        let (number, answer) = self.begin_with_result(begun, async move {
            let answer = match &*instance {
                Instance::Session(object) => object.handle(&message).await,
                Instance::Ledger(object) => object.handle(&message).await,
                Instance::Meter(object) => object.handle(&message).await,
            };
            sim.left(&held);
            answer
        });
        self.entered(&id, number);
        let answer = answer.await;
        match fault {
            Fault::DiesAfter => self.die().await,
            Fault::Lost => Err(Undelivered { was_refused: false, may_pass }),
            _ => match answer {
                Some(Ok(answer)) => Ok(answer),
                _ => Err(Undelivered { was_refused: false, may_pass: false }),
            },
        }
    }

    fn is_slow(&self, name: &str) -> bool {
        self.faults.borrow().slow.contains(name)
    }

    fn entered(&self, id: &ObjectId, number: Number) {
        if self.is_running(number)
            && let Some(object) = self.objects.borrow_mut().0.get_mut(id)
        {
            object.running.push(number);
        }
    }

    fn left(&self, id: &ObjectId) {
        let number = self.current();
        if let Some(object) = self.objects.borrow_mut().0.get_mut(id) {
            object.running.retain(|other| *other != number);
        }
    }

    /// The alarm of an object rings.
    pub(crate) fn ring(&self, id: &ObjectId, serial: u64) {
        let key = {
            let mut objects = self.objects.borrow_mut();
            let Some(object) = objects.0.get_mut(id).filter(|object| object.alarm.is_some_and(|(_, set)| set == serial)) else { return };
            object.rung += 1;
            id.1.bytes().fold(child(self.seed, object.rung), |key, byte| child(key, byte.into()))
        };
        // Late: some rings wait for others to be over.
        if self.settings.late_alarms > 0 && !self.is_quiet() && key % 100 < u64::from(self.settings.late_alarms) {
            let ms = [500, 20_000, 300_000, 4_000_000][(key >> 32) as usize % 4];
            self.arm(id, self.time() + ms);
            return;
        }
        if let Some(object) = self.objects.borrow_mut().0.get_mut(id) {
            object.alarm = None;
        }
        let service = match id.0 {
            Kind::Session => "session alarm",
            Kind::Ledger => "ledger alarm",
            Kind::Meter | Kind::Live => "meter alarm",
        };
        let instance = self.instance(id);
        let title = if self.story.is_some() { format!("{:.8}", id.1) } else { String::new() };
        let begun = Begun { object: Some(id.clone()), title, ..Begun::alone(Role::Alarm, key, service) };
        let (sim, held) = (self.clone(), id.clone());
        let twice = !self.is_quiet() && (key >> 16) % 100 < u64::from(self.settings.duplicates);
        let mut end = AlarmEnd { sim: self.clone(), id: id.clone(), is_done: false, twice };
        let number = self.begin_now(begun, async move {
            let config = Rc::clone(&sim.config);
            let done = match &*instance {
                Instance::Session(object) => object.alarm(config.session_tombstone_seconds * 1000).await,
                Instance::Ledger(object) => object.alarm(Some(&config.prices)).await,
                Instance::Meter(object) => object.alarm().await,
            };
            end.is_done = done.is_ok();
            sim.left(&held);
            drop(end);
        });
        self.entered(id, number);
        self.limit(number, ALARM_MS);
    }
}

/// Has a failed alarm ring again.
struct AlarmEnd {
    sim: Sim,
    id: ObjectId,
    is_done: bool,
    twice: bool,
}

impl Drop for AlarmEnd {
    fn drop(&mut self) {
        let next = {
            let mut objects = self.sim.objects.borrow_mut();
            let Some(object) = objects.0.get_mut(&self.id) else { return };
            if self.is_done {
                object.failures = 0;
                // At least once: what is done may ring again, unless the next alarm is set.
                let again = self.twice && object.alarm.is_none();
                drop(objects);
                if again {
                    self.sim.arm(&self.id, self.sim.time() + ALARM_RETRY_MS);
                }
                return;
            }
            object.failures += 1;
            let delay = ALARM_RETRY_MS << object.failures.min(10);
            let at = self.sim.time() + delay;
            let is_over = object.failures >= ALARM_ATTEMPTS;
            if is_over {
                object.failures = 0;
            }
            (!is_over && object.alarm.is_none_or(|(set, _)| set > at)).then_some(at)
        };
        if let Some(at) = next {
            self.sim.arm(&self.id, at);
        }
    }
}
