//! The console, whose lines are Workers Logs.

use crate::log::LogLevel;

/// Writes a line.
pub fn write(level: LogLevel, line: &str) {
    match level {
        LogLevel::Error => worker::console_error!("{line}"),
        LogLevel::Warn => worker::console_warn!("{line}"),
        LogLevel::Info | LogLevel::Debug => worker::console_log!("{line}"),
    }
}
