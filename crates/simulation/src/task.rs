//! Tasks: requests, jobs, alarms, messages in Durable Objects. Each is a future that stops at every call of the port.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use fastrand::Rng;
use jettyspeed_edge::io::object::Kind;

use crate::world::Sim;

/// The work of a task.
pub type Work = Pin<Box<dyn Future<Output = ()>>>;

/// Number of a task, in the order of their beginnings.
pub type Number = usize;

/// What a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What a client does, request by request: nothing goes wrong there.
    Client,
    /// A request.
    Request,
    /// What a request, a job or an alarm has begun and goes on with although that ends.
    Detached,
    /// A job.
    Job,
    /// An alarm of a Durable Object.
    Alarm,
    /// A message in a Durable Object.
    Message,
    /// The daily run.
    Daily,
}

impl Role {
    /// Its name in stories.
    pub fn name(self) -> &'static str {
        match self {
            Role::Client => "client",
            Role::Request => "request",
            Role::Detached => "detached",
            Role::Job => "job",
            Role::Alarm => "alarm",
            Role::Message => "in the object",
            Role::Daily => "daily run",
        }
    }
}

/// A Durable Object.
pub type ObjectId = (Kind, Rc<str>);

/// A task.
pub struct Task {
    /// Its kind.
    pub role: Role,
    /// What its chance follows from.
    pub key: u64,
    /// The service that it runs, for figures.
    pub service: &'static str,
    /// What it is, for the story.
    pub title: String,
    /// Who began it.
    pub parent: Option<Number>,
    /// The Durable Object that it runs in.
    pub object: Option<ObjectId>,
    /// Where random bytes come from.
    pub rng: Rng,
    /// Calls so far.
    pub calls: u32,
    /// Children so far.
    pub children: u64,
    /// By how many ms its clock is ahead.
    pub skew: i64,
    /// Times that it went on.
    pub polls: u32,
    /// Its future, unless it runs at this moment or has ended.
    pub work: Option<Work>,
    /// It has to end at once.
    pub doomed: bool,
    /// It has ended.
    pub ended: bool,
}

/// Where a result is left for whoever waits for it.
pub struct Slot<T>(Rc<RefCell<State<T>>>);

struct State<T> {
    value: Option<Option<T>>,
    waiter: Option<Number>,
}

/// Leaves the result, or that there will be none, when it is dropped.
pub struct Sender<T> {
    sim: Sim,
    state: Rc<RefCell<State<T>>>,
}

/// A slot and who fills it.
pub fn slot<T>(sim: &Sim) -> (Sender<T>, Slot<T>) {
    let state = Rc::new(RefCell::new(State { value: None, waiter: None }));
    (Sender { sim: sim.clone(), state: Rc::clone(&state) }, Slot(state))
}

impl<T> Sender<T> {
    /// Leaves the result.
    pub fn send(self, value: T) {
        self.state.borrow_mut().value = Some(Some(value));
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waiter = {
            let mut state = self.state.borrow_mut();
            state.value.get_or_insert(None);
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            self.sim.wake(waiter, 0);
        }
    }
}

impl<T> Slot<T> {
    /// The result, if it is there.
    pub fn take(&self) -> Option<Option<T>> {
        self.0.borrow_mut().value.take()
    }
}

/// Waits for a result; None if the task ended without one.
pub struct Waiting<T> {
    /// The world.
    pub sim: Sim,
    /// Where the result is left.
    pub slot: Slot<T>,
}

impl<T> Future for Waiting<T> {
    type Output = Option<T>;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(value) = self.slot.take() {
            return Poll::Ready(value);
        }
        self.slot.0.borrow_mut().waiter = Some(self.sim.current());
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Waits until an instant.
pub struct Pause {
    sim: Sim,
    ms: u64,
    until: Option<u64>,
}

impl Pause {
    /// Of so many ms.
    pub fn new(sim: &Sim, ms: u64) -> Pause {
        Pause { sim: sim.clone(), ms, until: None }
    }
}

impl Future for Pause {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.until {
            Some(until) if self.sim.time() >= until => return Poll::Ready(()),
            Some(_) => {}
            None => {
                self.until = Some(self.sim.time() + self.ms);
                self.sim.wake(self.sim.current(), self.ms);
            }
        }
        // Combinators poll only what was woken; the scheduler decides when a task goes on.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
