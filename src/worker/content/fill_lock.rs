//! Client of the fill lock: first the isolate's own map, then the PoP's Durable Object (docs/delivery.md, Request collapsing).

use std::cell::RefCell;
use std::time::Duration;

use worker::Env;

use crate::base::ttl_map::TtlMap;
use crate::delivery::fill_lock::message::{Filled, Message, Reply};
use crate::delivery::fill_lock::shard::{LOCK_MS, object_name};
use crate::problem::{OriginFailure, Problem};
use crate::worker::platform::{bindings, clock, objects};

/// How long waiting requests of this isolate learn what came of a fill that put nothing into the cache, ms.
const ENDED_MS: u64 = 250;

/// Polling interval of waiting requests, ms: first and maximum. The runtime does not allow a request to await a promise of another request.
const POLL_MS: (u64, u64) = (4, 25);

/// How many slices an isolate fills or waits for at once, and the bytes of their keys. Beyond that the PoP's object alone keeps requests together.
const MAX_LOCAL: usize = 4_000;
const MAX_LOCAL_BYTES: usize = 2_000_000;

#[derive(Clone, Copy)]
enum LocalState {
    Reading,
    Failed,
    /// The origin was not read.
    Untried,
}

thread_local! {
    static LOCAL: RefCell<TtlMap<String, LocalState>> = RefCell::new(TtlMap::new(MAX_LOCAL, MAX_LOCAL_BYTES, |key, _| key.len()));
}

/// A held fill lock. Release it with [`FillLock::done`].
pub struct FillLock {
    env: Env,
    object: String,
    key: String,
    serial: Option<u64>,
}

/// Result of [`acquire`].
pub enum Outcome {
    /// The lock is granted: read the origin.
    Acquired(FillLock),
    /// Another request has read the slice: look for it in the cache.
    Stored,
    /// The holder had no room in memory.
    TryAgain,
}

/// Acquires the lock for the cache key `key`, waiting while another request holds it.
///
/// # Errors
/// 503 if the holder failed.
pub async fn acquire(env: &Env, colo: &str, key: &str) -> Result<Outcome, Problem> {
    let failed = || Problem::Origin(OriginFailure::Unavailable);
    let mut waited = false;
    let mut pause = POLL_MS.0;
    loop {
        let now = clock::now();
        let local = LOCAL.with_borrow(|local| local.get(key, now).copied());
        match local {
            Some(LocalState::Reading) => {}
            Some(LocalState::Failed) if waited => return Err(failed()),
            Some(LocalState::Untried) if waited => return Ok(Outcome::TryAgain),
            _ if waited => return Ok(Outcome::Stored),
            _ => break,
        }
        waited = true;
        worker::Delay::from(Duration::from_millis(pause)).await;
        pause = (pause * 2).min(POLL_MS.1);
    }
    let now = clock::now();
    LOCAL.with_borrow_mut(|local| local.insert(key.to_owned(), LocalState::Reading, now.plus(2 * LOCK_MS), now));
    let object = object_name(colo, key);
    let lock = |serial| FillLock { env: env.clone(), object: object.clone(), key: key.to_owned(), serial };
    match objects::send(&bindings::fill_locks(env)?, &object, &Message::Acquire { key: key.to_owned() }, false).await {
        Ok(Some(Reply::Acquired(serial))) => Ok(Outcome::Acquired(lock(Some(serial)))),
        Ok(Some(Reply::Stored)) => {
            end(key, Filled::Read);
            Ok(Outcome::Stored)
        }
        Ok(Some(Reply::Again)) => {
            end(key, Filled::Untried);
            Ok(Outcome::TryAgain)
        }
        Ok(Some(Reply::Failed)) => {
            end(key, Filled::Failed);
            Err(failed())
        }
        // The lock object is unreachable (logged in `objects`): this isolate reads the origin without a lock.
        Ok(None) | Err(_) => Ok(Outcome::Acquired(lock(None))),
    }
}

/// Tells the waiting requests of this isolate what came of the fill.
fn end(key: &str, filled: Filled) {
    let now = clock::now();
    let state = match filled {
        Filled::Read => None,
        Filled::Failed => Some(LocalState::Failed),
        Filled::Untried => Some(LocalState::Untried),
    };
    LOCAL.with_borrow_mut(|local| match state {
        Some(state) => local.insert(key.to_owned(), state, now.plus(ENDED_MS), now),
        None => {
            local.remove(key);
        }
    });
}

impl FillLock {
    /// Releases the lock. The waiting requests look into the cache, get 503 for a while, or try in turn.
    pub async fn done(self, filled: Filled) {
        end(&self.key, filled);
        let (Some(serial), Ok(leases)) = (self.serial, bindings::fill_locks(&self.env)) else { return };
        let message = Message::Done { key: self.key, serial, filled };
        // The error is logged in `objects`. Waiting requests then continue at the lock timeout.
        let _ = objects::send::<_, Reply>(&leases, &self.object, &message, false).await;
    }
}
