//! The queue: at least once, in any order, with retries and dead letters (wrangler.toml, `[queues]`).

use std::collections::BTreeMap;
use std::rc::Rc;

use jettyspeed_edge::base::json;
use jettyspeed_edge::jobs::{self, Job};
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::services::run_job::{run_job, send_dead_again};

use crate::chance::child;
use crate::fault::{Fault, Port};
use crate::scheduler::Begun;
use crate::task::Role;
use crate::world::{Event, Sim};

/// Deliveries of a message before it becomes a dead letter.
const ATTEMPTS: u32 = 11;

/// Time between two of them, ms.
const RETRY_MS: u64 = 60_000;

/// The same of dead letters.
const DEAD_ATTEMPTS: u32 = 101;
const DEAD_RETRY_MS: u64 = 600_000;

/// Time limit of a job, ms (Cloudflare Queues documentation, "Limits").
const JOB_MS: u64 = 900_000;

#[derive(Debug)]
struct Message {
    job: String,
    attempts: u32,
    is_dead: bool,
    key: u64,
}

/// The messages that are not done.
#[derive(Debug, Default)]
pub struct Queue(BTreeMap<u64, Message>);

impl Queue {
    /// How many messages are not done.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all are done.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Sim {
    /// Sends a job.
    ///
    /// # Errors
    /// If it was not sent, or the answer is lost.
    pub async fn send_job(&self, job: &Job, seconds: u64) -> Result<(), Problem> {
        let text = json::write(job).map_err(|_| Problem::Internal)?;
        let fault = self.pass(Port::Enqueue, || format!("{text} in {seconds} s")).await;
        if fault == Fault::Before {
            return Err(Problem::Internal);
        }
        let key = {
            let tasks = self.tasks.borrow();
            let task = &tasks[self.current()];
            child(task.key, u64::from(task.calls) | 1 << 42)
        };
        self.enqueue_at(text, key, false, seconds * 1000);
        match fault {
            Fault::DiesAfter => self.die().await,
            Fault::Lost => Err(Problem::Internal),
            _ => Ok(()),
        }
    }

    fn enqueue_at(&self, job: String, key: u64, is_dead: bool, ms: u64) {
        let number = self.next();
        self.queue.borrow_mut().0.insert(number, Message { job, attempts: 0, is_dead, key });
        // What is sent at once is delivered after a moment.
        let moment = if self.is_quiet() { 5 } else { [1, 40, 700, 15_000][key as usize % 4] };
        self.at(self.time() + ms + moment, Event::Job(number));
    }

    pub(crate) fn deliver_job(&self, number: u64) {
        let (text, is_dead, key) = {
            let mut queue = self.queue.borrow_mut();
            let Some(message) = queue.0.get_mut(&number) else { return };
            message.attempts += 1;
            (message.job.clone(), message.is_dead, child(message.key, message.attempts.into()))
        };
        let title = if self.story.is_some() { text.clone() } else { String::new() };
        let begun = Begun { title, ..Begun::alone(Role::Job, key, service(&text)) };
        let sim = self.clone();
        // A message that is done may come again all the same.
        let twice = self.settings.duplicates > 0 && !self.is_quiet() && key % 100 < u64::from(self.settings.duplicates);
        let mut end = JobEnd { sim: self.clone(), number, is_done: false, twice };
        let task = self.begin_now(begun, async move {
            let config = Rc::clone(&sim.config);
            let done = match jobs::read(&text) {
                Err(_) => {
                    sim.fail(|| format!("a job that cannot be read: {text}"));
                    Ok(())
                }
                Ok(job) if is_dead => send_dead_again(&sim, &job).await,
                Ok(job) => run_job(&sim, &config, &job).await,
            };
            let outcome = done.as_ref().map_or_else(|problem| problem.kind().code, |()| "done");
            sim.coverage.borrow_mut().outcome("job", format!("{} {outcome}", service(&text)));
            end.is_done = done.is_ok();
            drop(end);
        });
        self.limit(task, JOB_MS);
    }
}

/// The kind of a job, for figures.
fn service(text: &str) -> &'static str {
    const KINDS: [&str; 18] = [
        "deliver_webhook",
        "tell_uploads",
        "end_membership",
        "verify",
        "sweep",
        "nothing",
        "probe",
        "collect_after",
        "collect",
        "repeat",
        "wake",
        "orphan",
        "amend_video",
        "remove_video",
        "prune",
        "move",
        "end_upload",
        "reconcile_video",
    ];
    let named = text.trim_start_matches(['{', '"']);
    KINDS.into_iter().find(|kind| named.starts_with(kind)).unwrap_or("job")
}

/// Acknowledges a message, or has it delivered again.
struct JobEnd {
    sim: Sim,
    number: u64,
    is_done: bool,
    twice: bool,
}

impl Drop for JobEnd {
    fn drop(&mut self) {
        let mut dead = None;
        {
            let mut queue = self.sim.queue.borrow_mut();
            let Some(message) = queue.0.get_mut(&self.number) else { return };
            let (most, retry_ms) = if message.is_dead { (DEAD_ATTEMPTS, DEAD_RETRY_MS) } else { (ATTEMPTS, RETRY_MS) };
            if self.is_done && !self.twice {
                queue.0.remove(&self.number);
                return;
            }
            if message.attempts < most {
                let after = if self.is_done { 30_000 } else { retry_ms };
                self.sim.at(self.sim.time() + after, Event::Job(self.number));
            } else if let Some(message) = queue.0.remove(&self.number).filter(|message| !message.is_dead) {
                dead = Some(message);
            }
        }
        if let Some(message) = dead {
            self.sim.enqueue_at(message.job, child(message.key, 1 << 43), true, 0);
        }
    }
}
