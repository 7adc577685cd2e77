//! Client of the fill lock: first the isolate's own map, then the PoP's Durable Object (docs/delivery.md, Request collapsing).

use std::cell::RefCell;
use std::time::Duration;

use worker::Env;

use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::delivery::fill_lock::message::{Message, Reply};
use crate::delivery::fill_lock::shard::{LOCK_MS, object_name};
use crate::problem::{OriginFailure, Problem};
use crate::worker::platform::{bindings, clock, objects};

/// How long waiting requests of this isolate treat the origin as failed after a failed fill, ms.
const FAILED_MS: u64 = 250;

/// Polling interval of waiting requests, ms: first and maximum. The runtime does not allow a request to await a promise of another request.
const POLL_MS: (u64, u64) = (4, 25);

/// How many slices an isolate fills or waits for at once, and the bytes of their keys. Beyond that the PoP's object alone keeps requests together.
const MAX_LOCAL: usize = 4_000;
const MAX_LOCAL_BYTES: usize = 2_000_000;

#[derive(Clone, Copy)]
enum LocalState {
    Reading,
    Failed,
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
    /// Another request has filled the entry: read it from the cache.
    Stored,
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
            set_local_state(key, None);
            Ok(Outcome::Stored)
        }
        Ok(Some(Reply::Failed)) => {
            set_local_state(key, Some(clock::now()));
            Err(failed())
        }
        // The lock object is unreachable (logged in `objects`): this isolate reads the origin without a lock.
        Ok(None) | Err(_) => Ok(Outcome::Acquired(lock(None))),
    }
}

fn set_local_state(key: &str, failed: Option<EpochMs>) {
    LOCAL.with_borrow_mut(|local| match failed {
        Some(now) => local.insert(key.to_owned(), LocalState::Failed, now.plus(FAILED_MS), now),
        None => {
            local.remove(key);
        }
    });
}

impl FillLock {
    /// Releases the lock. `stored`: the waiting requests look into the cache, and if it has no entry one of them gets the lock; else they get 503 for a while.
    pub async fn done(self, stored: bool) {
        set_local_state(&self.key, (!stored).then(clock::now));
        let (Some(serial), Ok(leases)) = (self.serial, bindings::fill_locks(&self.env)) else { return };
        let message = Message::Done { key: self.key, serial, stored };
        // The error is logged in `objects`. Waiting requests then continue at the lock timeout.
        let _ = objects::send::<_, Reply>(&leases, &self.object, &message, false).await;
    }
}
