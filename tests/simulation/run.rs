//! Runs a history: schedules operations, applies faults, and brings the system to rest.

use super::clients::{nth, run_op};
use super::faults::{Fault, Work, go_on};
use super::history::{Alarms, End, History, How, Nth, Op, Span, Step};
use super::wiring::jobs;
use super::world::World;
use super::{check, ledgers, sessions};
use Span::{Days8, Days31, Hours25, Minutes61, Seconds61};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::rc::Rc;
use std::task::Poll;

use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::time::EpochMs;

/// Maximum number of stopped operations; before another starts, the oldest is finished.
const AT_ONCE: usize = 4;
/// Time limit of an alarm, ms.
const ALARM_TIME_LIMIT_MS: u64 = 900_000;
/// Delay before a failed alarm runs again, ms.
const ALARM_RETRY_MS: u64 = 2_000;

/// The origin of an operation.
#[derive(Debug, Clone, Copy)]
enum Who {
    #[allow(dead_code)] // Read by Debug.
    Client(Op),
    /// The queue consumer, with the message's number.
    Consumer(u32),
    SessionAlarm(Id),
    LedgerAlarm(Id),
}

struct Task {
    number: u32,
    who: Who,
    work: Work,
    deadline: EpochMs,
}

struct Run {
    io: Rc<World>,
    waiting: Vec<Task>,
    begun: Vec<Who>,
}

/// Runs a history to rest and checks it throughout; returns the calls made and the noted outcomes.
pub fn run(history: &History) -> Result<BTreeSet<&'static str>, String> {
    let mut run = Run { io: Rc::new(World::new()), waiting: Vec::new(), begun: Vec::new() };
    let checked = run.all(history);
    let wrong = run.io.wrong.take();
    wrong.map_or(checked, Err).map_err(|wrong| format!("{wrong}\n{}", run.story()))?;
    Ok(run.io.trace.borrow().iter().map(|(_, call, _)| *call).collect())
}

impl Run {
    fn all(&mut self, history: &History) -> Result<(), String> {
        for step in &history.steps {
            self.step(*step);
            if self.io.wrong.borrow().is_some() {
                return Ok(());
            }
        }
        self.rest(history.finish);
        check::at_rest(&self.io)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Do(op) => {
                if let Some(task) = self.begin(op) {
                    self.finish(task);
                }
            }
            Step::Broken { op, after, how } => {
                if let Some(task) = self.begin(op).and_then(|task| self.go(task, after)).and_then(|task| self.disturb(task, how)) {
                    self.finish(task);
                }
            }
            Step::Interrupted { op, after, by, by_end, end } => {
                let first = self.begin(op).and_then(|task| self.go(task, after));
                if let Some(second) = self.begin(by) {
                    self.end(second, by_end);
                }
                if let Some(first) = first {
                    self.end(first, end);
                }
            }
            Step::Begin(op) => {
                if self.waiting.len() >= AT_ONCE {
                    let oldest = self.waiting.remove(0);
                    self.finish(oldest);
                }
                let task = self.begin(op);
                self.waiting.extend(task);
            }
            Step::Go { which, calls } => self.with(which, |run, task| run.go(task, calls)),
            Step::Break { which, how } => self.with(which, |run, task| run.disturb(task, how)),
            Step::Pass { span, alarms } => {
                self.pass(span);
                let started = if alarms == Alarms::Late { vec![] } else { self.start_due_alarms() };
                for task in started {
                    if alarms == Alarms::Begun { self.waiting.push(task) } else { self.finish(task) }
                }
            }
            Step::Jobs => self.jobs(),
            Step::Evict => self.evict(),
        }
    }

    /// Takes a stopped operation and puts it back unless it ends.
    fn with(&mut self, which: Nth, step: impl FnOnce(&mut Run, Task) -> Option<Task>) {
        let Some(back) = which.checked_rem(self.waiting.len()) else { return };
        let place = self.waiting.len() - 1 - back;
        let task = self.waiting.remove(place);
        let task = step(self, task);
        if let Some(task) = task {
            self.waiting.insert(place.min(self.waiting.len()), task);
        }
    }

    fn begin(&mut self, op: Op) -> Option<Task> {
        let Op::Job { which, twice } = op else {
            let io = Rc::clone(&self.io);
            return self.spawn(Who::Client(op), Box::pin(async move { run_op(&io, op).await }));
        };
        let due = self.io.queue.borrow().due(self.io.now());
        self.deliver(*nth(&due, which)?, twice)
    }

    fn deliver(&mut self, number: u32, twice: bool) -> Option<Task> {
        let io = Rc::clone(&self.io);
        let job = io.queue.borrow_mut().take(number, twice, io.now());
        self.spawn(Who::Consumer(number), Box::pin(async move { jobs::run(&io, &job).await.is_ok() }))
    }

    /// Starts an operation and runs it up to its first call; None if it makes none.
    fn spawn(&mut self, who: Who, work: Work) -> Option<Task> {
        self.begun.push(who);
        self.poll(Task { number: self.begun.len() as u32, who, work, deadline: self.io.now().plus(ALARM_TIME_LIMIT_MS) })
    }

    fn poll(&mut self, mut task: Task) -> Option<Task> {
        self.io.turn.set(task.number);
        self.io.deadline.set(task.deadline);
        let polled = go_on(&mut task.work);
        task.deadline = self.io.deadline.get();
        match polled {
            Poll::Pending => Some(task),
            Poll::Ready(done) => {
                self.ended(task.who, done);
                None
            }
        }
    }

    fn go(&mut self, mut task: Task, calls: usize) -> Option<Task> {
        for _ in 0..calls {
            task = self.poll(task)?;
        }
        Some(task)
    }

    fn finish(&mut self, mut task: Task) {
        while let Some(waiting) = self.poll(task) {
            task = waiting;
        }
    }

    fn end(&mut self, task: Task, end: End) {
        match end {
            End::Well => self.finish(task),
            End::Dies(calls) => {
                if let Some(task) = self.go(task, calls) {
                    self.die(task);
                }
            }
        }
    }

    fn disturb(&mut self, task: Task, how: How) -> Option<Task> {
        match how {
            How::Lose => self.io.fault.set(Fault::Lost),
            How::Cut => self.io.fault.set(Fault::Cut),
            How::Die => {
                self.die(task);
                return None;
            }
        }
        self.poll(task)
    }

    fn die(&mut self, task: Task) {
        self.io.turn.set(task.number);
        self.io.note("dies");
        self.ended(task.who, false);
    }

    fn ended(&mut self, who: Who, done: bool) {
        let (io, now) = (&self.io, self.io.now());
        let again = |alarm: &mut Option<EpochMs>| {
            let soon = now.plus(ALARM_RETRY_MS);
            *alarm = Some(alarm.map_or(soon, |set| set.min(soon)));
        };
        match who {
            Who::Client(_) => {}
            Who::Consumer(number) => io.queue.borrow_mut().settle(number, done, now),
            Who::SessionAlarm(session) if !done => {
                let mut sessions = io.sessions.borrow_mut();
                let object = sessions.get_mut(&session).unwrap();
                object.evict();
                again(&mut object.alarm);
            }
            Who::LedgerAlarm(account) if !done => {
                let mut ledgers = io.ledgers.borrow_mut();
                let object = ledgers.get_mut(&account).unwrap();
                object.evict();
                again(&mut object.alarm);
            }
            Who::SessionAlarm(_) | Who::LedgerAlarm(_) => {}
        }
    }

    fn pass(&mut self, span: Span) {
        self.io.pass(span.ms());
        let now = self.io.now();
        let (late, waiting) = self.waiting.drain(..).partition(|task| task.deadline <= now);
        self.waiting = waiting;
        for task in late {
            self.die(task);
        }
    }

    /// Starts every due alarm.
    fn start_due_alarms(&mut self) -> Vec<Task> {
        let io = Rc::clone(&self.io);
        let now = io.now();
        let take = |alarm: &mut Option<EpochMs>| alarm.take_if(|at| *at <= now).is_some();
        let sessions: Vec<Id> = io.sessions.borrow_mut().iter_mut().filter_map(|(id, object)| take(&mut object.alarm).then_some(*id)).collect();
        let ledgers: Vec<Id> = io.ledgers.borrow_mut().iter_mut().filter_map(|(id, object)| take(&mut object.alarm).then_some(*id)).collect();
        let mut started = Vec::new();
        for session in sessions {
            let io = Rc::clone(&io);
            started.extend(self.spawn(Who::SessionAlarm(session), Box::pin(async move { sessions::run_alarm(&io, session).await })));
        }
        for account in ledgers {
            let io = Rc::clone(&io);
            started.extend(self.spawn(Who::LedgerAlarm(account), Box::pin(async move { ledgers::run_alarm(&io, account).await })));
        }
        started
    }

    fn jobs(&mut self) {
        let due = self.io.queue.borrow().due(self.io.now());
        for number in due {
            if let Some(task) = self.deliver(number, false) {
                self.finish(task);
            }
        }
    }

    /// Evicts the Durable Objects; operations inside them are killed.
    fn evict(&mut self) {
        let inside = |task: &Task| matches!(task.who, Who::SessionAlarm(_) | Who::LedgerAlarm(_));
        let (dying, waiting) = self.waiting.drain(..).partition(inside);
        self.waiting = waiting;
        for task in dying {
            self.die(task);
        }
        self.io.sessions.borrow_mut().values_mut().for_each(sessions::SessionObject::evict);
        self.io.ledgers.borrow_mut().values_mut().for_each(ledgers::LedgerObject::evict);
    }

    /// Ends the stopped operations, then advances the clock without faults until every deadline has passed and every daily job has run.
    fn rest(&mut self, finish: bool) {
        for task in std::mem::take(&mut self.waiting) {
            if finish { self.finish(task) } else { self.die(task) }
        }
        for span in [Seconds61, Minutes61, Hours25, Days8, Hours25, Seconds61, Hours25, Seconds61, Seconds61, Days31, Days31] {
            self.pass(span);
            if matches!(span, Hours25) {
                self.step(Step::Do(Op::Daily));
            }
            self.settle();
        }
    }

    /// Runs alarms and jobs until none is due.
    fn settle(&mut self) {
        loop {
            let started = self.start_due_alarms();
            let idle = started.is_empty() && self.io.queue.borrow().due(self.io.now()).is_empty();
            started.into_iter().for_each(|task| self.finish(task));
            self.jobs();
            if idle {
                return;
            }
        }
    }

    /// The log of calls by operation.
    fn story(&self) -> String {
        let mut text = String::new();
        let mut last = 0;
        for (number, call, fault) in self.io.trace.borrow().iter() {
            if *number != last {
                last = *number;
                let _ = writeln!(text, "#{number} {:?}", self.begun[*number as usize - 1]);
            }
            let how = match fault {
                Fault::None => "",
                Fault::Lost => " (answer lost)",
                Fault::Cut => " (not made)",
            };
            let _ = writeln!(text, "    {call}{how}");
        }
        text
    }
}
