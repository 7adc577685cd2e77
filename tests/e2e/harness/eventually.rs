//! Polls for asynchronous results (jobs, alarms, cache writes).

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How often [`eventually`] looks: an account that is polled stays within its requests per minute.
const INTERVAL: Duration = Duration::from_millis(250);

/// Calls `look` until it returns `Ok`, and returns that. After `timeout` it panics with the last `Err`: what was seen instead.
///
/// ```ignore
/// eventually(Duration::from_secs(20), async || {
///     let state = stack.session_state(&account, id).await;
///     if state["status"] == "complete" { Ok(()) } else { Err(state) }
/// })
/// .await;
/// ```
pub async fn eventually<T, Seen: Display>(timeout: Duration, look: impl AsyncFnMut() -> Result<T, Seen>) -> T {
    eventually_every(INTERVAL, timeout, look).await
}

/// The same, but looks every `interval`.
pub async fn eventually_every<T, Seen: Display>(interval: Duration, timeout: Duration, mut look: impl AsyncFnMut() -> Result<T, Seen>) -> T {
    let started = Instant::now();
    loop {
        match look().await {
            Ok(value) => return value,
            Err(seen) => assert!(started.elapsed() < timeout, "not within {timeout:?}; last seen: {seen}"),
        }
        tokio::time::sleep(interval).await;
    }
}

/// `Ok` if `done`, else what was seen: for closures given to [`eventually`].
pub fn done_or<Seen>(done: bool, seen: Seen) -> Result<(), Seen> {
    if done { Ok(()) } else { Err(seen) }
}
