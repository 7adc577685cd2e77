//! Alarms of Durable Objects.

use std::time::Duration;

use worker::{Result, State};

use crate::log;

/// Sets the object's alarm, of which it has one; billed as a row written (Durable Objects documentation, "Pricing").
///
/// # Errors
/// Of the storage.
pub async fn set(state: &State, after: Duration) -> Result<()> {
    log::step("alarm", "set");
    state.storage().set_alarm(after).await
}

/// Logs that an alarm went off, which is billed as a request.
pub fn ran() {
    log::step("alarm", "run");
}
