//! The clock. On Workers it does not advance between two I/O events (Workers documentation, "Performance and timers").

use crate::base::time::EpochMs;

/// The current time.
pub fn now() -> EpochMs {
    // Date.now() is a positive integer far below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    EpochMs(js_sys::Date::now() as u64)
}
