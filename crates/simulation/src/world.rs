//! The world of one history: what services call, and what happens between the calls.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Deref;
use std::rc::Rc;

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::config::Config;
use rusqlite::Connection;

use crate::coverage::Coverage;
use crate::database::Database;
use crate::fault::{Fault, Faults, Port};
use crate::model::Model;
use crate::model_admin::Administration;
use crate::objects::Objects;
use crate::parties::{adjust, empty};
use crate::pool::Pools;
use crate::queue::Queue;
use crate::settings::Settings;
use crate::sink::{self, Sink};
use crate::store::Store;
use crate::story::Line;
use crate::task::{Number, ObjectId, Task};

/// When every history begins.
pub const BEGIN: u64 = 1_795_000_000_000;

/// What happens at an instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A task goes on.
    Task(Number),
    /// A task has no time left.
    Deadline(Number),
    /// The alarm of an object rings, if it is still the one with that number.
    Alarm(ObjectId, u64),
    /// A message of the queue is due.
    Job(u64),
    /// A late effect.
    Late(u64),
    /// The daily run.
    Daily,
}

type Effect = Box<dyn FnOnce(&Sim)>;

/// The world.
pub struct World {
    /// What the history's chance follows from.
    pub seed: u64,
    /// What was drawn for this history.
    pub settings: Settings,
    /// The service's vars.
    pub config: Rc<Config>,
    /// The store.
    pub store: RefCell<Store>,
    /// The databases.
    pub databases: Vec<RefCell<Database>>,
    /// The Durable Objects.
    pub objects: RefCell<Objects>,
    /// The endpoints of customers.
    pub sink: RefCell<Sink>,
    /// The queue.
    pub queue: RefCell<Queue>,
    /// What clients were told.
    pub model: RefCell<Model>,
    /// What goes wrong.
    pub faults: RefCell<Faults>,
    /// Figures.
    pub coverage: RefCell<Coverage>,
    /// The story, if it is to be told.
    pub story: Option<RefCell<Vec<Line>>>,
    /// The first promise that was broken.
    pub wrong: RefCell<Option<String>>,
    /// Whether the store or a database was changed since promises were checked.
    pub changed: Cell<bool>,
    /// Connections for objects.
    pub pools: RefCell<Pools>,
    pub(crate) tasks: RefCell<Vec<Task>>,
    events: RefCell<BinaryHeap<Reverse<(u64, u64, Event)>>>,
    effects: RefCell<BTreeMap<u64, Effect>>,
    current: Cell<Number>,
    now: Cell<u64>,
    /// When the latest daily run began, and how many had begun then before it.
    pub(crate) latest_daily: Cell<(u64, u64)>,
    serial: Cell<u64>,
}

/// The world, as tasks hold it.
#[derive(Clone)]
pub struct Sim(pub Rc<World>);

impl Deref for Sim {
    type Target = World;
    fn deref(&self) -> &World {
        &self.0
    }
}

impl Sim {
    /// A world in which nothing has happened.
    pub fn new(seed: u64, settings: Settings, mut pools: Pools, faults: Faults, tell: bool) -> Sim {
        let config = settings.config();
        let prepare = |number: usize, db: &Connection| {
            adjust(db, &settings);
            if settings.hooks {
                sink::install(db, &config.vault);
            }
            if number > 0 {
                empty(db);
            }
        };
        let databases = pools.databases(settings.databases).into_iter().enumerate();
        let mut databases: Vec<_> = databases.inspect(|(number, db)| prepare(*number, db)).map(|(_, db)| RefCell::new(Database::new(db))).collect();
        if settings.copies {
            for (number, (database, copy)) in databases.iter_mut().zip(pools.databases(settings.databases)).enumerate() {
                prepare(number, &copy);
                database.get_mut().copy_to(copy);
            }
        }
        Sim(Rc::new(World {
            seed,
            config: Rc::new(config),
            store: RefCell::new(Store::new(settings.dialect)),
            databases,
            objects: RefCell::default(),
            sink: RefCell::default(),
            queue: RefCell::default(),
            model: RefCell::new(Model {
                admin: if settings.administered { Administration::new(&settings) } else { Administration::default() },
                ..Model::default()
            }),
            faults: RefCell::new(faults),
            coverage: RefCell::default(),
            story: tell.then(RefCell::default),
            wrong: RefCell::default(),
            changed: Cell::new(false),
            pools: RefCell::new(pools),
            tasks: RefCell::default(),
            events: RefCell::default(),
            effects: RefCell::default(),
            current: Cell::new(0),
            now: Cell::new(BEGIN),
            latest_daily: Cell::default(),
            serial: Cell::new(0),
            settings,
        }))
    }

    /// Ends the world: what its tasks and objects hold refers to it.
    pub fn end(&self) -> Pools {
        let count = self.tasks.borrow().len();
        for number in 0..count {
            let work = self.tasks.borrow_mut()[number].work.take();
            drop(work);
        }
        self.effects.take();
        self.events.take();
        let objects = self.objects.take();
        let mut pools = self.pools.take();
        objects.give_back(&mut pools);
        for database in &self.databases {
            pools.take_back(database.borrow_mut().end());
        }
        pools
    }

    /// Has something done after some ms, whatever becomes of the task that asks for it.
    pub fn later(&self, ms: u64, effect: impl FnOnce(&Sim) + 'static) {
        let serial = self.next();
        self.effects.borrow_mut().insert(serial, Box::new(effect));
        self.at(self.time() + ms, Event::Late(serial));
    }

    /// Runs everything that happens until an instant, which is then the present.
    pub fn run_until(&self, end: u64) {
        while self.wrong.borrow().is_none() {
            let next = self.events.borrow().peek().map(|Reverse((at, _, _))| *at);
            if next.is_none_or(|at| at > end) {
                self.now.set(self.now.get().max(end));
                return;
            }
            let Some(Reverse((at, _, event))) = self.events.borrow_mut().pop() else { return };
            self.now.set(self.now.get().max(at));
            self.happen(event);
        }
    }

    fn happen(&self, event: Event) {
        match event {
            Event::Task(number) => self.go_on(number),
            Event::Deadline(number) => {
                if self.is_running(number) {
                    self.note(number, Port::Wait, Fault::None, || "its time is over".to_owned());
                    self.limit_what_was_begun_by(number);
                    self.kill(number);
                }
            }
            Event::Alarm(object, serial) => self.ring(&object, serial),
            Event::Job(number) => self.deliver_job(number),
            Event::Late(serial) => {
                let effect = self.effects.borrow_mut().remove(&serial);
                if let Some(effect) = effect {
                    effect(self);
                }
            }
            Event::Daily => self.begin_daily(),
        }
    }
}

impl World {
    /// The present, ms.
    pub fn time(&self) -> u64 {
        self.now.get()
    }

    /// The present.
    pub fn present(&self) -> EpochMs {
        EpochMs(self.now.get())
    }

    /// The task that runs.
    pub fn current(&self) -> Number {
        self.current.get()
    }

    pub(crate) fn set_current(&self, number: Number) -> Number {
        self.current.replace(number)
    }

    /// A number that was not given before.
    pub fn next(&self) -> u64 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }

    /// Has something happen at an instant.
    pub fn at(&self, at: u64, event: Event) {
        let serial = self.next();
        self.events.borrow_mut().push(Reverse((at, serial, event)));
    }

    /// Has a task go on after some ms.
    pub fn wake(&self, number: Number, ms: u64) {
        self.at(self.time() + ms, Event::Task(number));
    }

    /// Notes that a promise is broken.
    pub fn fail(&self, wrong: impl FnOnce() -> String) {
        self.wrong.borrow_mut().get_or_insert_with(wrong);
    }

    /// Adds a line to the story.
    pub fn note(&self, number: Number, port: Port, fault: Fault, what: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            story.borrow_mut().push(Line { at: self.time(), task: number, port, fault, text: what(), is_quiet: self.is_quiet() });
        }
    }

    /// Whether nothing goes wrong any more.
    pub fn is_quiet(&self) -> bool {
        self.faults.borrow().quiet
    }

    /// The title of a task, for the story.
    pub fn title(&self, number: Number) -> String {
        self.tasks.borrow().get(number).map(|task| task.title.clone()).unwrap_or_default()
    }
}
