//! Finds the database that has an account or a namespace. Where only one is bound nothing is looked up.

use std::cell::{Cell, RefCell};

use worker::Env;

use crate::accounts::directory::{Item, KNOWN_MS, repository};
use crate::base::id::{Id, Name};
use crate::base::shard::{Access, Shard, Whereabouts};
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::problem::Problem;
use crate::worker::platform::d1::Db;
use crate::worker::platform::{bindings, clock, d1};

/// Bounds of the isolate's memory.
const MAX_KNOWN: usize = 5_000;
const MAX_KNOWN_BYTES: usize = 1_000_000;

type Row = (&'static str, String);

thread_local! {
    /// How many databases are bound; 0: not counted yet.
    static BOUND: Cell<u8> = const { Cell::new(0) };
    static KNOWN: RefCell<TtlMap<Row, Whereabouts>> = RefCell::new(TtlMap::new(MAX_KNOWN, MAX_KNOWN_BYTES, |(_, name), _| name.len()));
}

/// Every shard.
pub fn all(env: &Env) -> impl Iterator<Item = Shard> {
    if BOUND.get() == 0 {
        BOUND.set(bindings::count_shards(env));
    }
    Shard::first(BOUND.get())
}

/// Whether there is more than one.
pub fn are_several(env: &Env) -> bool {
    all(env).nth(1).is_some()
}

/// The shard that has `item`.
///
/// # Errors
/// [`Problem::AccountMoving`] for a change of an account that is being moved.
pub async fn shard_of(env: &Env, item: Item<'_>, access: Access) -> Result<Shard, Problem> {
    find(env, item).await?.open_for(access).ok_or(Problem::AccountMoving)
}

/// Where the directory says that `item` is.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn find(env: &Env, item: Item<'_>) -> Result<Whereabouts, Problem> {
    if !are_several(env) {
        return Ok(Whereabouts::default());
    }
    let (row, now) = (item.row(), clock::now());
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&row, now).copied()) {
        return Ok(known);
    }
    let found: Option<Whereabouts> = d1::first(&bindings::db(env, Shard::MAIN)?, &repository::find(item)).await?;
    match (item, found) {
        // Another isolate may be about to create it.
        (Item::User(_), None) => Ok(Whereabouts::default()),
        (_, found) => {
            let found = found.unwrap_or_default();
            remember(item, found, now);
            Ok(found)
        }
    }
}

/// Remembers where `item` is, as read at `read_at`.
pub fn remember(item: Item<'_>, found: Whereabouts, read_at: EpochMs) {
    let now = clock::now();
    KNOWN.with_borrow_mut(|known| known.insert(item.row(), found, read_at.plus(KNOWN_MS), now));
}

/// Forgets where everything is, after a change.
pub fn forget() {
    KNOWN.with_borrow_mut(TtlMap::clear);
}

/// The database of `item`.
///
/// # Errors
/// As [`shard_of`].
pub async fn db(env: &Env, item: Item<'_>, access: Access) -> Result<Db, Problem> {
    bindings::db(env, shard_of(env, item, access).await?)
}

/// An account's database, to change it.
///
/// # Errors
/// As [`shard_of`].
pub async fn of_account(env: &Env, account: Id) -> Result<Db, Problem> {
    db(env, Item::Account(account), Access::Write).await
}

/// An account's database, to read it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn of_account_to_read(env: &Env, account: Id) -> Result<Db, Problem> {
    db(env, Item::Account(account), Access::Read).await
}

/// A namespace's database, to change it.
///
/// # Errors
/// As [`shard_of`].
pub async fn of_namespace(env: &Env, namespace: &Name) -> Result<Db, Problem> {
    db(env, Item::Namespace(namespace), Access::Write).await
}

/// A namespace's database, to read it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn of_namespace_to_read(env: &Env, namespace: &Name) -> Result<Db, Problem> {
    db(env, Item::Namespace(namespace), Access::Read).await
}
