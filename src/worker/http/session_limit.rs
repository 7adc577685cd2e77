//! Rate limit of calls by upload token: per upload session and isolate, so that whoever holds a token uses up nothing of its account.

use std::cell::RefCell;

use crate::auth::rate_limit;
use crate::auth::rate_limit::{SESSION_CALLS_PER_MINUTE, WINDOW_SECONDS};
use crate::base::id::Id;
use crate::base::ttl_map::TtlMap;
use crate::problem::Problem;
use crate::worker::http::call::{AppliedLimit, Call};
use crate::worker::platform::clock;

/// Maximum number of sessions.
const MAX_SESSIONS: usize = 10_000;

thread_local! {
    /// The theoretical arrival time of each session (GCRA), µs.
    static ARRIVALS: RefCell<TtlMap<Id, u64>> = RefCell::new(TtlMap::new(MAX_SESSIONS, usize::MAX, |_, _| size_of::<(Id, u64)>()));
}

/// Counts a call with a token of this session.
///
/// # Errors
/// 429.
pub fn admit(call: &Call, session: Id) -> Result<(), Problem> {
    let now = clock::now();
    let pace = ARRIVALS.with_borrow_mut(|arrivals| {
        let mut arrival = arrivals.get(&session, now).copied().unwrap_or_default();
        let pace = rate_limit::admit_per_minute(&mut arrival, SESSION_CALLS_PER_MINUTE, now.0);
        arrivals.insert(session, arrival, now.plus(WINDOW_SECONDS * 1000), now);
        pace
    });
    call.limited.set(Some(AppliedLimit { policy: "session", window_seconds: WINDOW_SECONDS, pace }));
    if pace.admitted { Ok(()) } else { Err(Problem::RateLimited { limit: pace.quota, retry_after: u32::try_from(pace.reset).unwrap_or(u32::MAX) }) }
}
