//! The way to a lease: first through this isolate's own map, then through the PoP's object.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use worker::Env;

use crate::base::time::EpochMs;
use crate::delivery::fill_lock::message::{Message, Reply};
use crate::delivery::fill_lock::shard::{LEASE_MS, object_name};
use crate::problem::{OriginFailure, Problem};
use crate::worker::platform::{bindings, clock, objects};

/// How long a failure of the store is believed by those who wait here, ms.
const FAILED_MS: u64 = 250;

/// How often those look, ms: soon at first. A promise of another request cannot be awaited on this platform.
const LOOK_MS: (u64, u64) = (4, 25);

#[derive(Clone, Copy)]
enum Here {
    Reading(EpochMs),
    Failed(EpochMs),
}

thread_local! {
    static HERE: RefCell<HashMap<String, Here>> = RefCell::default();
}

/// A right to read; told when it is done or dropped.
pub struct Lease {
    env: Env,
    object: String,
    key: String,
    serial: Option<u64>,
}

/// What came of wanting to read.
pub enum Outcome {
    /// Read.
    Yours(Lease),
    /// Somebody else did: look into the cache.
    Stored,
}

/// Asks for the right to read what belongs under `key`, and waits while somebody else does.
///
/// # Errors
/// 503 if they failed.
pub async fn ask(env: &Env, colo: &str, key: &str) -> Result<Outcome, Problem> {
    let failed = || Problem::Origin(OriginFailure::Unavailable);
    let mut waited = false;
    let mut pause = LOOK_MS.0;
    loop {
        let now = clock::now();
        let here = HERE.with_borrow(|here| here.get(key).copied());
        match here {
            Some(Here::Reading(until)) if now < until => {}
            Some(Here::Failed(until)) if now < until && waited => return Err(failed()),
            _ if waited => return Ok(Outcome::Stored),
            _ => break,
        }
        waited = true;
        worker::Delay::from(Duration::from_millis(pause)).await;
        pause = (pause * 2).min(LOOK_MS.1);
    }
    HERE.with_borrow_mut(|here| {
        let now = clock::now();
        here.retain(|_, state| match state {
            Here::Reading(until) | Here::Failed(until) => now < *until,
        });
        here.insert(key.to_owned(), Here::Reading(now.plus(2 * LEASE_MS)))
    });
    let object = object_name(colo, key);
    let lease = |serial| Lease { env: env.clone(), object: object.clone(), key: key.to_owned(), serial };
    match objects::tell(&bindings::leases(env)?, &object, &Message::Ask { key: key.to_owned() }, false).await {
        Ok(Some(Reply::Yours(serial))) => Ok(Outcome::Yours(lease(Some(serial)))),
        Ok(Some(Reply::Stored)) => {
            leave(key, None);
            Ok(Outcome::Stored)
        }
        Ok(Some(Reply::Failed)) => {
            leave(key, Some(clock::now()));
            Err(failed())
        }
        // Without an object to ask, which is logged there, this isolate reads for itself.
        Ok(None) | Err(_) => Ok(Outcome::Yours(lease(None))),
    }
}

fn leave(key: &str, failed: Option<EpochMs>) {
    HERE.with_borrow_mut(|here| match failed {
        Some(now) => here.insert(key.to_owned(), Here::Failed(now.plus(FAILED_MS))),
        None => here.remove(key),
    });
}

impl Lease {
    /// It is in the cache now, or was not to be had.
    pub async fn done(self, stored: bool) {
        leave(&self.key, (!stored).then(clock::now));
        let (Some(serial), Ok(leases)) = (self.serial, bindings::leases(&self.env)) else { return };
        let message = Message::Done { key: self.key, serial, stored };
        // Logged there. Who waits is told by the clock, then.
        let _ = objects::tell::<_, Reply>(&leases, &self.object, &message, false).await;
    }
}
