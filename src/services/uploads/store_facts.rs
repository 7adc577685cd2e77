//! What probes found out about the store: kept in D1 for all isolates, and cached in this one.

use std::cell::RefCell;

use serde::Deserialize;

use crate::base::id::{Id, Name};
use crate::base::shard::Shard;
use crate::base::time::EpochMs;
use crate::clients::database;
use crate::files::object_key::file_key;
use crate::io::Io;
use crate::problem::Problem;
use crate::uploads::store_facts;
use crate::uploads::store_facts::{FRESH_MS, Fact};

/// Lifetime of a cached finding, ms.
const KEEP_MS: u64 = 600_000;

/// Lifetime of a cached missing finding, ms.
const KEEP_UNKNOWN_MS: u64 = 30_000;

/// User id in the keys of the probes' objects: the keys have this service's layout, so that a sweep finds them.
const USER: &str = "jettyspeed-probe";

/// When a fact was read, and what it was.
type Read = (Fact, EpochMs, Option<bool>);

thread_local! {
    /// At most one entry per fact.
    static KNOWN: RefCell<Vec<Read>> = const { RefCell::new(Vec::new()) };
}

#[derive(Deserialize)]
struct Row {
    value: u8,
    checked_at: EpochMs,
}

fn remember(fact: Fact, now: EpochMs, value: Option<bool>) {
    KNOWN.with_borrow_mut(|known| {
        known.retain(|(own, ..)| *own != fact);
        known.push((fact, now, value));
    });
}

/// The stored finding, without a request to the store.
pub async fn known(io: &impl Io, fact: Fact) -> Option<bool> {
    let now = io.now();
    let cached = KNOWN.with_borrow(|known| known.iter().find(|(own, ..)| *own == fact).map(|(_, at, value)| (*at, *value)));
    if let Some((at, value)) = cached
        && now.since(at) < if value.is_some() { KEEP_MS } else { KEEP_UNKNOWN_MS }
    {
        return value;
    }
    let row = match io.db(Shard::MAIN) {
        Ok(db) => database::first::<Row>(&db, &store_facts::find(fact)).await.ok().flatten(),
        Err(_) => None,
    };
    let value = row.filter(|row| now.since(row.checked_at) < FRESH_MS).map(|row| row.value != 0);
    remember(fact, now, value);
    value
}

/// Stores a finding.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn keep(io: &impl Io, fact: Fact, value: bool) -> Result<(), Problem> {
    let now = io.now();
    remember(fact, now, Some(value));
    database::batch(&io.db(Shard::MAIN)?, &[store_facts::put(fact, value, now)]).await
}

/// The key of a probe's object: always the same one, so that a probe that dies leaves nothing that the next one does not delete.
///
/// # Errors
/// [`Problem::Internal`].
pub fn probe_key(fact: Fact) -> Result<String, Problem> {
    numbered_key(match fact {
        Fact::PayloadHashEnforced => 1,
        Fact::PresignedHashBound => 2,
    })
}

/// The key of the object that the health check stores and deletes.
///
/// # Errors
/// [`Problem::Internal`].
pub fn health_key() -> Result<String, Problem> {
    numbered_key(3)
}

fn numbered_key(number: u8) -> Result<String, Problem> {
    Ok(file_key(&Name::parse(USER).ok_or(Problem::Internal)?, Id::from_random([number; 16])))
}
