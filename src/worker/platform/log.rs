//! One JSON line per event, for Workers Logs. Headers, URL queries and tokens are never logged: what looks like a secret is cut out of every line.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::auth::secret_shapes;
use crate::config::LogLevel;
use crate::problem::Problem;

thread_local! {
    static LEVEL: Cell<LogLevel> = const { Cell::new(LogLevel::Warn) };
}

/// Sets the level from which this isolate logs.
pub fn set_level(level: LogLevel) {
    LEVEL.set(level);
}

/// Whether events of that level are written.
pub fn enabled(level: LogLevel) -> bool {
    level <= LEVEL.get()
}

/// Writes an event with its fields.
pub fn event(level: LogLevel, name: &str, fields: Value) {
    if !enabled(level) {
        return;
    }
    let line = json!({ "event": name, "fields": fields }).to_string();
    let line = secret_shapes::redacted(&line);
    match level {
        LogLevel::Error => worker::console_error!("{line}"),
        LogLevel::Warn => worker::console_warn!("{line}"),
        LogLevel::Info | LogLevel::Debug => worker::console_log!("{line}"),
    }
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
