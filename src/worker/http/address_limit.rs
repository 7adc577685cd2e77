//! The guard against floods of callers that nobody knows: per address, in this isolate (exact, `RATE_LIMIT_MAX_REQUESTS`) and at this location
//! (approximate, the platform's rate limiter).

use std::cell::RefCell;

use crate::auth::rate_limit;
use crate::base::ttl_map::TtlMap;
use crate::problem::Problem;
use crate::worker::http::authenticate;
use crate::worker::http::call::{Call, Limited};
use crate::worker::platform::{bindings, clock, log};

/// Bounds the isolate's memory: about 100 bytes each.
const MAX_KEEP: usize = 10_000;

/// What an entry takes beside the address, bytes.
const ENTRY_BYTES: usize = 64;

/// Bound of the isolate's memory for addresses, bytes.
const MAX_BYTES: usize = 2_000_000;

thread_local! {
    /// The theoretical arrival time of each address (GCRA), microseconds.
    static ARRIVALS: RefCell<TtlMap<String, u64>> = RefCell::new(TtlMap::new(MAX_KEEP, MAX_BYTES, |address, _| address.len() + ENTRY_BYTES));
}

/// The platform sets this field; what a client sends under its name never arrives there.
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
    // Whoever watches over the deployment is no stranger, whatever he calls.
    if bindings::config(&call.env).is_ok_and(|config| authenticate::is_operator(call, &config)) {
        return Ok(());
    }
    let (address, (quota, window_ms)) = (address(call), policy(call));
    let pace = ARRIVALS.with_borrow_mut(|arrivals| {
        let now = clock::now();
        let mut arrival = arrivals.get(&address, now).copied().unwrap_or_default();
        let pace = rate_limit::admit(&mut arrival, quota, window_ms, now.0);
        // After a window without calls an address is as good as new.
        arrivals.insert(address.clone(), arrival, now.plus(window_ms.max(1)), now);
        pace
    });
    let window_seconds = window_ms.div_ceil(1000).max(1);
    call.limited.set(Some(Limited { policy: "address", window_seconds, pace }));
    let refused = |seconds: u64| Problem::RateLimited { limit: quota, retry_after: u32::try_from(seconds).unwrap_or(u32::MAX) };
    if !pace.admitted {
        return Err(refused(pace.reset));
    }
    let Some(limiter) = bindings::guard(&call.env) else { return Ok(()) };
    match limiter.limit(address).await.map(|outcome| outcome.success) {
        Ok(false) => {
            // The platform tells no more than that it is too much.
            let pace = rate_limit::RateLimitStatus { remaining: 0, reset: window_seconds, admitted: false, ..pace };
            call.limited.set(Some(Limited { policy: "address", window_seconds, pace }));
            Err(refused(window_seconds))
        }
        Ok(true) => Ok(()),
        Err(error) => {
            // A guard that fails must not lock everybody out.
            let _ = log::internal("rate limiter", &error.to_string());
            Ok(())
        }
    }
}
