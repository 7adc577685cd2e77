//! Rate limit of unauthenticated callers by address: exact in this isolate (`RATE_LIMIT_MAX_REQUESTS`), approximate at this location (the platform's rate
//! limiter).

use std::cell::RefCell;

use crate::auth::rate_limit;
use crate::base::ttl_map::TtlMap;
use crate::problem::Problem;
use crate::worker::http::authenticate;
use crate::worker::http::call::{AppliedLimit, Call};
use crate::worker::platform::{bindings, clock, log};

/// Maximum number of addresses.
const MAX_ADDRESSES: usize = 10_000;

/// Estimated size of an entry without its address, bytes.
const ENTRY_BYTES: usize = 64;

/// Maximum memory for addresses, bytes.
const MAX_BYTES: usize = 2_000_000;

thread_local! {
    /// The theoretical arrival time of each address (GCRA), microseconds.
    static ARRIVALS: RefCell<TtlMap<String, u64>> = RefCell::new(TtlMap::new(MAX_ADDRESSES, MAX_BYTES, |address, _| address.len() + ENTRY_BYTES));
}

/// The bucket of the client's address. Cloudflare sets `cf-connecting-ip` and overwrites what a client sends under that name.
fn address(call: &Call) -> String {
    rate_limit::bucket(call.header("cf-connecting-ip").as_deref())
}

/// (requests, window in ms) of this deployment.
fn policy(call: &Call) -> (u64, u64) {
    bindings::config(&call.env).map_or((100, 60_000), |config| (config.guard_requests, config.guard_window_ms))
}

/// Counts an unauthenticated call.
///
/// # Errors
/// 429.
pub async fn admit(call: &Call) -> Result<(), Problem> {
    // Monitoring with the operator's token is exempt, also on routes without authentication.
    if bindings::config(&call.env).is_ok_and(|config| authenticate::is_operator(call, &config)) {
        return Ok(());
    }
    let (address, (quota, window_ms)) = (address(call), policy(call));
    let pace = ARRIVALS.with_borrow_mut(|arrivals| {
        let now = clock::now();
        let mut arrival = arrivals.get(&address, now).copied().unwrap_or_default();
        let pace = rate_limit::admit(&mut arrival, quota, window_ms, now.0);
        // After a window without calls the full quota is available again, so the entry may expire.
        arrivals.insert(address.clone(), arrival, now.plus(window_ms.max(1)), now);
        pace
    });
    let window_seconds = window_ms.div_ceil(1000).max(1);
    call.limited.set(Some(AppliedLimit { policy: "address", window_seconds, pace }));
    let refused = |seconds: u64| Problem::RateLimited { limit: quota, retry_after: u32::try_from(seconds).unwrap_or(u32::MAX) };
    if !pace.admitted {
        return Err(refused(pace.reset));
    }
    let Some(limiter) = bindings::rate_limiter(&call.env) else { return Ok(()) };
    match limiter.limit(address).await.map(|outcome| outcome.success) {
        Ok(false) => {
            // The platform's limiter returns no remaining count and no reset time.
            let pace = rate_limit::RateLimitStatus { remaining: 0, reset: window_seconds, admitted: false, ..pace };
            call.limited.set(Some(AppliedLimit { policy: "address", window_seconds, pace }));
            Err(refused(window_seconds))
        }
        Ok(true) => Ok(()),
        Err(error) => {
            // Fail open: an error of the rate limiter must not refuse every caller.
            let _ = log::internal("rate limiter", &error.to_string());
            Ok(())
        }
    }
}
