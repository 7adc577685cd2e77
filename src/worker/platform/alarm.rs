//! Alarms of Durable Objects.

use std::time::Duration;

use worker::{Result, State};

use crate::log;
use crate::worker::platform::trace;

/// Sets the object's alarm, of which it has one; billed as a row written (Durable Objects documentation, "Pricing").
///
/// # Errors
/// Of the storage.
pub async fn set(state: &State, after: Duration) -> Result<()> {
    log::step("alarm", "set");
    state.storage().set_alarm(after).await
}

/// What an object does when its alarm goes off, in a trace of its own; billed as a request.
pub async fn run<T>(work: impl Future<Output = T>) -> T {
    trace::of_its_own("alarm", "run", work).await
}
