//! One JSON line per event, for Workers Logs. Headers, URL queries and tokens are never logged: what looks like a secret is cut out of every line.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::auth::secret_shapes;
use crate::base::traced;
use crate::problem::Problem;

/// Verbosity of the log; each level includes the previous ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Defects and outages.
    Error,
    /// Conditions that an operator should check.
    Warn,
    /// One line per request.
    Info,
    /// Individual steps of a request.
    Debug,
}

/// Takes a line of a level.
pub type Sink = fn(LogLevel, &str);

thread_local! {
    static LEVEL: Cell<LogLevel> = const { Cell::new(LogLevel::Warn) };
    static SINK: Cell<Option<Sink>> = const { Cell::new(None) };
}

/// Sets the level from which this isolate logs.
pub fn set_level(level: LogLevel) {
    LEVEL.set(level);
}

/// Sets where this isolate logs to. Before that nothing is logged.
pub fn set_sink(sink: Sink) {
    SINK.set(Some(sink));
}

/// Whether events of that level are written.
pub fn enabled(level: LogLevel) -> bool {
    level <= LEVEL.get() && SINK.get().is_some()
}

/// The level of that name, as `LOG_LEVEL` has it.
pub fn level_of(name: &str) -> Option<LogLevel> {
    match name {
        "error" => Some(LogLevel::Error),
        "warn" => Some(LogLevel::Warn),
        "info" => Some(LogLevel::Info),
        "debug" => Some(LogLevel::Debug),
        _ => None,
    }
}

/// Writes an event with its fields, and the trace that it belongs to.
pub fn event(level: LogLevel, name: &str, fields: Value) {
    let Some(sink) = SINK.get().filter(|_| enabled(level)) else { return };
    let mut line = json!({ "event": name, "fields": fields });
    if let (Some(trace), Some(line)) = (traced::current(), line.as_object_mut()) {
        line.insert("traceId".to_owned(), trace.trace_id().into());
    }
    sink(level, &secret_shapes::redacted(&line.to_string()));
}

/// Logs a call to another service of the platform, for the analysis of latency and costs (docs/costs.md). `what` must not contain a caller's data.
pub fn step(kind: &str, what: &str) {
    if enabled(LogLevel::Debug) {
        event(LogLevel::Debug, "step", json!({ "kind": kind, "what": what }));
    }
}

/// Logs the rows that a statement read and wrote, by which a database is billed. `rows` is asked only if the event is written; `what` as in [`step`].
pub fn rows(kind: &str, what: &str, rows: impl FnOnce() -> (u64, u64)) {
    if enabled(LogLevel::Debug) {
        let (read, written) = rows();
        event(LogLevel::Debug, "step", json!({ "kind": kind, "what": what, "rowsRead": read, "rowsWritten": written }));
    }
}

/// Logs an internal error and returns the problem for the caller, without the cause.
pub fn internal(what: &str, error: &str) -> Problem {
    event(LogLevel::Error, what, json!({ "error": error }));
    Problem::Internal
}
