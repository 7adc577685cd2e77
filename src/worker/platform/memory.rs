//! Permits of the isolate's memory budget, waiting for others to be released.

use std::time::Duration;

use crate::base::memory_budget::{MemoryPermit, Owner, Pool};
use crate::problem::Problem;
use crate::worker::platform::clock;

/// Maximum wait for a permit, ms.
const WAIT_MS: u64 = 3_000;

/// Interval between two attempts, ms.
const POLL_MS: u64 = 20;

/// A permit for `bytes` bytes that are in use for at most `holds_ms`. Waits up to [`WAIT_MS`] for other permits to be released; an unread body waits in the
/// client meanwhile.
///
/// # Errors
/// [`Problem::Busy`].
pub async fn reserve(pool: Pool, owner: Owner, bytes: u64, holds_ms: u64) -> Result<MemoryPermit, Problem> {
    let until = clock::now().plus(WAIT_MS);
    loop {
        let now = clock::now();
        match MemoryPermit::reserve(pool, owner, bytes, holds_ms, now) {
            Some(permit) => return Ok(permit),
            None if now >= until => return Err(Problem::Busy),
            None => worker::Delay::from(Duration::from_millis(POLL_MS)).await,
        }
    }
}
