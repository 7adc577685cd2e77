//! A history as text: every call of the port with what went wrong at it, task by task, in order.

use std::fmt::Write;

use crate::fault::{Fault, Port};
use crate::task::Number;
use crate::world::{BEGIN, Sim};

/// One call.
#[derive(Debug, Clone)]
pub struct Line {
    /// When, ms.
    pub at: u64,
    /// Whose.
    pub task: Number,
    /// Which.
    pub port: Port,
    /// What went wrong.
    pub fault: Fault,
    /// Its arguments.
    pub text: String,
    /// Whether that was when nothing went wrong any more.
    pub is_quiet: bool,
}

/// What nothing goes wrong with any more, and that changes nothing at the store, is left out of the end of a story.
const QUIET: [&str; 7] = ["daily", "probe", "prune", "sweep", "repeat", "collect", "ledger alarm"];

impl Line {
    fn is_routine(&self, service: &str) -> bool {
        let changes = matches!(self.port, Port::Store(verb) if verb.changes()) && service != "probe";
        let is_renewal = self.text.starts_with("UPDATE idempotency SET claimed_at") && self.fault == Fault::None;
        is_renewal || (self.is_quiet && !changes && QUIET.contains(&service))
    }
}

/// The story so far.
pub fn tell(sim: &Sim) -> String {
    let Some(story) = &sim.story else { return String::new() };
    let (mut text, mut last) = (String::new(), Number::MAX);
    let tasks = sim.tasks.borrow();
    let service = |line: &Line| tasks.get(line.task).map_or("", |task| task.service);
    for line in story.borrow().iter().filter(|line| !line.is_routine(service(line))) {
        if line.task != last {
            last = line.task;
            let task = tasks.get(line.task);
            let (service, title) = task.map_or(("", ""), |task| (task.service, task.title.as_str()));
            let _ = writeln!(text, "{} #{} {}, {service} {title}", since(line.at), line.task, task.map_or("", |task| task.role.name()));
        }
        let what = if line.port == Port::Wait { "" } else { line.port.name() };
        let fault = if line.fault == Fault::None { String::new() } else { format!("<== {}: ", line.fault) };
        let _ = writeln!(text, "{}     {what} {fault}{}", since(line.at), line.text);
    }
    text
}

/// Time since the beginning.
fn since(at: u64) -> String {
    let ms = at.saturating_sub(BEGIN);
    let (days, rest) = (ms / 86_400_000, ms % 86_400_000);
    let (hours, minutes, seconds) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{days}d {hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}
