//! Begins tasks, lets them go on and ends them.

use std::future::Future;
use std::task::{Context, Waker};

use crate::chance::{child, stream};
use crate::fault::{Fault, Port};
use crate::task::{Number, ObjectId, Role, Sender, Task, Waiting, slot};
use crate::world::{Event, Sim};

/// How often a task may go on before it is taken for one that never ends.
const MAX_POLLS: u32 = 20_000;

/// How long work goes on after a request was answered or its client has hung up, ms (Cloudflare Workers documentation, "waitUntil").
const AFTER_REQUEST_MS: u64 = 30_000;

/// What a new task is.
pub struct Begun {
    /// Its kind.
    pub role: Role,
    /// What its chance follows from; None: of its parent's.
    pub key: Option<u64>,
    /// The service that it runs; empty: its parent's.
    pub service: &'static str,
    /// What it is, for the story.
    pub title: String,
    /// The Durable Object that it runs in.
    pub object: Option<ObjectId>,
    /// Whether another task began it, and which.
    pub parent: Option<Number>,
}

impl Begun {
    /// A task that the running one begins.
    pub fn by(sim: &Sim, role: Role, service: &'static str) -> Begun {
        Begun { role, key: None, service, title: String::new(), object: None, parent: Some(sim.current()) }
    }

    /// A task that nobody waits for.
    pub fn alone(role: Role, key: u64, service: &'static str) -> Begun {
        Begun { role, key: Some(key), service, title: String::new(), object: None, parent: None }
    }
}

impl Sim {
    /// Begins a task; it goes on when its turn comes.
    pub fn begin(&self, begun: Begun, work: impl Future<Output = ()> + 'static) -> Number {
        let mut tasks = self.tasks.borrow_mut();
        let number = tasks.len();
        let (mut key, mut service) = (begun.key, begun.service);
        if let Some(parent) = begun.parent.and_then(|parent| tasks.get_mut(parent)) {
            parent.children += 1;
            key = key.or(Some(child(parent.key, parent.children | 1 << 40)));
            if service.is_empty() {
                service = parent.service;
            }
        }
        let key = key.unwrap_or_else(|| child(self.seed, number as u64));
        let most = self.settings.skew_ms;
        let isolate = begun.object.as_ref().map_or(key % 3, |(_, name)| name.bytes().fold(7, |sum, byte| child(sum, byte.into())));
        let skew = if most == 0 { 0 } else { (child(self.seed ^ 0x5eed, isolate) % (2 * most + 1)) as i64 - most as i64 };
        tasks.push(Task {
            role: begun.role,
            key,
            service,
            title: begun.title,
            parent: begun.parent,
            object: begun.object,
            rng: stream(child(key, 1 << 41)),
            calls: 0,
            children: 0,
            skew,
            polls: 0,
            work: Some(Box::pin(work)),
            doomed: false,
            ended: false,
        });
        number
    }

    /// Begins a task and has it go on at once, in the same turn.
    pub fn begin_now(&self, begun: Begun, work: impl Future<Output = ()> + 'static) -> Number {
        let number = self.begin(begun, work);
        self.go_on(number);
        number
    }

    /// Begins a task whose result the running one waits for.
    pub fn begin_with_result<T: 'static>(&self, begun: Begun, work: impl Future<Output = T> + 'static) -> (Number, Waiting<T>) {
        let (sender, slot): (Sender<T>, _) = slot(self);
        let number = self.begin_now(begun, async move {
            let result = work.await;
            sender.send(result);
        });
        (number, Waiting { sim: self.clone(), slot })
    }

    /// Whether a task has not ended.
    pub fn is_running(&self, number: Number) -> bool {
        self.tasks.borrow().get(number).is_some_and(|task| !task.ended)
    }

    /// Lets a task go on until it waits.
    pub fn go_on(&self, number: Number) {
        let work = {
            let mut tasks = self.tasks.borrow_mut();
            let Some(task) = tasks.get_mut(number) else { return };
            task.polls += 1;
            if task.polls > MAX_POLLS {
                self.fail(|| format!("task {number} never ends: {} {}", task.service, task.title));
                return;
            }
            task.work.take()
        };
        let Some(mut work) = work else { return };
        let before = self.set_current(number);
        let is_done = work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        let mut rest = Some(work);
        {
            let mut tasks = self.tasks.borrow_mut();
            let task = &mut tasks[number];
            if is_done || task.doomed {
                task.ended = true;
            } else {
                task.work = rest.take();
            }
        }
        drop(rest);
        self.set_current(before);
        if is_done && self.tasks.borrow()[number].role == Role::Request {
            self.limit_what_was_begun_by(number);
        }
    }

    /// Ends a task where it is.
    pub fn kill(&self, number: Number) {
        let work = {
            let mut tasks = self.tasks.borrow_mut();
            let Some(task) = tasks.get_mut(number).filter(|task| !task.ended) else { return };
            task.doomed = true;
            let work = task.work.take();
            task.ended = work.is_some();
            work
        };
        let before = self.set_current(number);
        drop(work);
        self.set_current(before);
    }

    /// The tasks that a task has begun and that have not ended, and theirs; not the messages in Durable Objects, which are elsewhere.
    fn begun_by(&self, number: Number) -> Vec<Number> {
        let tasks = self.tasks.borrow();
        let mut found = vec![number];
        for (child, task) in tasks.iter().enumerate().skip(number + 1) {
            if !task.ended && task.role == Role::Detached && task.parent.is_some_and(|parent| found.contains(&parent)) {
                found.push(child);
            }
        }
        found.split_off(1)
    }

    /// The isolate of the running task dies with everything that the task has begun; never returns.
    pub async fn die<T>(&self) -> T {
        let number = self.current();
        self.note(number, Port::Wait, Fault::None, || "dies".to_owned());
        let object = self.tasks.borrow()[number].object.clone();
        match object {
            Some(object) => self.crash(&object),
            None => {
                let first = self.begun_first(number);
                for other in self.begun_by(first) {
                    self.kill(other);
                }
                self.kill(first);
            }
        }
        std::future::pending().await
    }

    /// The task that a detached one belongs to: with its isolate the whole request dies.
    fn begun_first(&self, mut number: Number) -> Number {
        let tasks = self.tasks.borrow();
        while let Some(task) = tasks.get(number).filter(|task| task.role == Role::Detached)
            && let Some(parent) = task.parent
        {
            number = parent;
        }
        number
    }

    /// The client of the running request hangs up; what is detached goes on for a while. Never returns.
    pub async fn hang_up<T>(&self) -> T {
        let number = self.current();
        self.limit_what_was_begun_by(number);
        self.kill(number);
        std::future::pending().await
    }

    pub(crate) fn limit_what_was_begun_by(&self, number: Number) {
        for child in self.begun_by(number) {
            self.limit(child, AFTER_REQUEST_MS);
        }
    }

    /// Gives a task so many ms from now on.
    pub fn limit(&self, number: Number, ms: u64) {
        self.at(self.time() + ms, Event::Deadline(number));
    }
}
