//! Permits of the isolate's memory budget, waiting for others to be released.

use std::time::Duration;

use crate::base::memory_budget::{MemoryPermit, Owner, Pool, wait_for_permit};
use crate::problem::Problem;
use crate::worker::platform::clock;

/// As [`wait_for_permit`], by the platform's clock.
///
/// # Errors
/// [`Problem::Busy`].
pub async fn reserve(pool: Pool, owner: Owner, bytes: u64, holds_ms: u64) -> Result<MemoryPermit, Problem> {
    let sleep = async |ms| worker::Delay::from(Duration::from_millis(ms)).await;
    wait_for_permit((pool, owner), bytes, holds_ms, clock::now, sleep).await.ok_or(Problem::Busy)
}
