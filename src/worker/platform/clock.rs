//! The clock. On Workers it does not advance between two I/O events (Workers documentation, "Performance and timers").

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::base::time::EpochMs;

/// The current time.
pub fn now() -> EpochMs {
    // Date.now() is a positive integer far below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    EpochMs(js_sys::Date::now() as u64)
}

/// The result of `work`, or None after `ms`.
pub async fn within<T>(ms: u32, work: impl Future<Output = T>) -> Option<T> {
    let limit = worker::Delay::from(Duration::from_millis(u64::from(ms)));
    match select(pin!(work), pin!(limit)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}
