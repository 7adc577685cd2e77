//! The guard against floods of callers that nobody knows: per address, in this isolate (exact, `RATE_LIMIT_MAX_REQUESTS`) and at this location
//! (approximate, the platform's rate limiter).

use std::cell::RefCell;
use std::collections::HashMap;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::auth::rate_limit;
use crate::problem::Problem;
use crate::worker::http::authenticate;
use crate::worker::http::call::{Call, Limited};
use crate::worker::platform::{bindings, clock, js, log};

/// Bounds the isolate's memory: about 100 bytes each.
const MAX_KEEP: usize = 10_000;

thread_local! {
    static SEEN: RefCell<HashMap<String, u64>> = RefCell::default();
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
    let pace = SEEN.with_borrow_mut(|seen| {
        if seen.len() >= MAX_KEEP {
            seen.clear();
        }
        rate_limit::admit(seen.entry(address.clone()).or_default(), quota, window_ms, clock::now().0)
    });
    let window_seconds = window_ms.div_ceil(1000).max(1);
    call.limited.set(Some(Limited { policy: "address", window_seconds, pace }));
    let refused = |seconds: u64| Problem::RateLimited { limit: quota, retry_after: u32::try_from(seconds).unwrap_or(u32::MAX) };
    if !pace.admitted {
        return Err(refused(pace.reset));
    }
    let Some(limiter) = bindings::guard(&call.env) else { return Ok(()) };
    match is_admitted(&limiter, &address).await {
        Ok(false) => {
            // The platform tells no more than that it is too much.
            let pace = rate_limit::Pace { remaining: 0, reset: window_seconds, admitted: false, ..pace };
            call.limited.set(Some(Limited { policy: "address", window_seconds, pace }));
            Err(refused(window_seconds))
        }
        Ok(true) => Ok(()),
        Err(error) => {
            // A guard that fails must not lock everybody out.
            let _ = log::internal("rate limiter", &js::words(&error));
            Ok(())
        }
    }
}

async fn is_admitted(limiter: &js::Limiter, address: &str) -> Result<bool, JsValue> {
    let outcome = JsFuture::from(limiter.limit(&js::object("key", &address.into())?)?).await?;
    Ok(js_sys::Reflect::get(&outcome, &"success".into())?.is_truthy())
}
