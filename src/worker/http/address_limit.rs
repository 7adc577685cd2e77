//! Rate limits of an address, exact in this isolate (`RATE_LIMIT_MAX_REQUESTS`), approximate at this location (the platform's rate limiter): of calls without
//! credentials and calls that fail with 401 together, and of those failures alone, which is looked at before anything is looked up or read to authenticate.

use std::cell::RefCell;
use std::time::Duration;

use crate::auth::failure_limit::{Attempt, FailureLimit};
use crate::auth::rate_limit;
use crate::auth::rate_limit::RateLimitStatus;
use crate::base::ttl_map::TtlMap;
use crate::log;
use crate::problem::Problem;
use crate::worker::http::call::{AppliedLimit, Call};
use crate::worker::platform::{bindings, clock};

/// Maximum number of addresses.
const MAX_ADDRESSES: usize = 10_000;

/// Estimated size of an entry without its address, bytes.
const ENTRY_BYTES: usize = 64;

/// Maximum memory for addresses, bytes.
const MAX_BYTES: usize = 2_000_000;

/// How often a call waits for the attempts of its address that are under way.
const POLL: Duration = Duration::from_millis(20);

thread_local! {
    /// The theoretical arrival time of each address (GCRA), microseconds.
    static ARRIVALS: RefCell<TtlMap<String, u64>> = RefCell::new(TtlMap::new(MAX_ADDRESSES, MAX_BYTES, |address, _| address.len() + ENTRY_BYTES));
    static FAILURES: RefCell<FailureLimit> = RefCell::default();
}

/// The bucket of the client's address. Cloudflare sets `cf-connecting-ip` and overwrites what a client sends under that name.
fn address(call: &Call) -> String {
    rate_limit::bucket(call.header("cf-connecting-ip").as_deref())
}

/// (requests, window in ms) of this deployment.
fn policy(call: &Call) -> (u64, u64) {
    bindings::config(&call.io.env).map_or((100, 60_000), |config| (config.guard_requests, config.guard_window_ms))
}

/// Notes the limit that the response describes.
///
/// # Errors
/// 429 unless `pace` admits the call.
fn apply(call: &Call, window_ms: u64, pace: RateLimitStatus) -> Result<(), Problem> {
    call.limited.set(Some(AppliedLimit { policy: "address", window_seconds: window_ms.div_ceil(1000).max(1), pace }));
    if pace.admitted { Ok(()) } else { Err(Problem::RateLimited { limit: pace.quota, retry_after: u32::try_from(pace.reset).unwrap_or(u32::MAX) }) }
}

/// Counts a call in this isolate.
fn count(address: &str, (quota, window_ms): (u64, u64)) -> RateLimitStatus {
    ARRIVALS.with_borrow_mut(|arrivals| {
        let now = clock::now();
        let mut arrival = arrivals.get(address, now).copied().unwrap_or_default();
        let pace = rate_limit::admit(&mut arrival, quota, window_ms, now.0);
        // After a window without calls the full quota is available again, so the entry may expire.
        arrivals.insert(address.to_owned(), arrival, now.plus(window_ms.max(1)), now);
        pace
    })
}

/// Counts `bucket` at this location. The platform's limiter returns no remaining count and no reset time.
async fn count_at_location(call: &Call, bucket: String) -> bool {
    let Some(limiter) = bindings::rate_limiter(&call.io.env) else { return true };
    match limiter.limit(bucket).await {
        Ok(outcome) => outcome.success,
        Err(error) => {
            // Fail open: an error of the rate limiter must not refuse every caller.
            let _ = log::internal("rate limiter", &error.to_string());
            true
        }
    }
}

/// Monitoring with the operator's token is exempt, also on routes without authentication.
fn is_exempt(call: &Call) -> bool {
    bindings::config(&call.io.env).is_ok_and(|config| call.is_operator(&config))
}

fn used_up(pace: RateLimitStatus, window_ms: u64) -> RateLimitStatus {
    RateLimitStatus { remaining: 0, reset: window_ms.div_ceil(1000).max(1), admitted: false, ..pace }
}

/// Counts a call of a route without authentication.
///
/// # Errors
/// 429.
pub async fn admit(call: &Call) -> Result<(), Problem> {
    if is_exempt(call) {
        return Ok(());
    }
    let (address, policy) = (address(call), policy(call));
    let pace = count(&address, policy);
    apply(call, policy.1, pace)?;
    if count_at_location(call, address).await { Ok(()) } else { apply(call, policy.1, used_up(pace, policy.1)) }
}

/// Counts a call that failed with 401.
///
/// # Errors
/// 429.
pub async fn fail(call: &Call) -> Result<(), Problem> {
    if is_exempt(call) {
        return Ok(());
    }
    let (address, policy) = (address(call), policy(call));
    FAILURES.with_borrow_mut(|failures| failures.fail(&address, policy, clock::now()));
    let pace = count(&address, policy);
    apply(call, policy.1, pace)?;
    if count_at_location(call, format!("failed {address}")).await {
        return Ok(());
    }
    FAILURES.with_borrow_mut(|failures| failures.exhaust(&address, policy.1, clock::now()));
    apply(call, policy.1, used_up(pace, policy.1))
}

/// Runs what authenticates the call at a cost (a lookup, the reading of a body), if its address has failures left. Its success costs nothing.
///
/// # Errors
/// 429; those of `work`.
pub async fn attempt<T>(call: &Call, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let (address, policy) = (address(call), policy(call));
    let mut waits_until = None;
    loop {
        match FAILURES.with_borrow_mut(|failures| failures.begin(&address, policy, waits_until, clock::now())) {
            Attempt::Begun => break,
            Attempt::Wait(until) => {
                waits_until = Some(until);
                worker::Delay::from(POLL).await;
            }
            Attempt::Refused(status) => apply(call, policy.1, status)?,
        }
    }
    let outcome = work.await;
    FAILURES.with_borrow_mut(|failures| {
        failures.end(&address, policy, clock::now());
        // A signed body that arrives too slowly or not whole proves nothing and has cost memory. [`fail`] counts those with 401.
        if matches!(outcome, Err(Problem::BodyTooSlow | Problem::Malformed { .. })) {
            failures.fail(&address, policy, clock::now());
        }
    });
    outcome
}
