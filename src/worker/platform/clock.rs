//! The clock. On Workers it stands still between two I/O events.

use crate::base::time::EpochMs;

/// Now.
pub fn now() -> EpochMs {
    // Date.now() is a positive integer far below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    EpochMs(js_sys::Date::now() as u64)
}
