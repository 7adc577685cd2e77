//! Finds the database that has an account or a namespace. Where only one is bound nothing is looked up.

use std::cell::RefCell;

use serde::de::DeserializeOwned;

use crate::accounts::directory::{Item, KNOWN_MS, repository};
use crate::base::id::{Id, Name};
use crate::base::shard::{Access, Shard, Whereabouts};
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::base::ttl_map::TtlMap;
use crate::clients::database;
use crate::io::Io;
use crate::problem::Problem;

/// Bounds of the isolate's memory.
const MAX_KNOWN: usize = 5_000;
const MAX_KNOWN_BYTES: usize = 1_000_000;

type Row = (&'static str, String);

thread_local! {
    static KNOWN: RefCell<TtlMap<Row, Whereabouts>> = RefCell::new(TtlMap::new(MAX_KNOWN, MAX_KNOWN_BYTES, |(_, name), _| name.len()));
}

/// Every shard.
pub fn all(io: &impl Io) -> impl Iterator<Item = Shard> {
    Shard::first(io.databases())
}

/// Whether there is more than one.
pub fn are_several(io: &impl Io) -> bool {
    all(io).nth(1).is_some()
}

/// The shard that has `item`.
///
/// # Errors
/// [`Problem::AccountMoving`] for a change of an account that is being moved.
pub async fn shard_of(io: &impl Io, item: Item<'_>, access: Access) -> Result<Shard, Problem> {
    find(io, item).await?.open_for(access).ok_or(Problem::AccountMoving)
}

/// Where the directory says that `item` is.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn find(io: &impl Io, item: Item<'_>) -> Result<Whereabouts, Problem> {
    if !are_several(io) {
        return Ok(Whereabouts::default());
    }
    let (row, now) = (item.row(), io.now());
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&row, now).copied()) {
        return Ok(known);
    }
    let found: Option<Whereabouts> = database::first(&io.db(Shard::MAIN)?, &repository::find(item)).await?;
    match (item, found) {
        // Another isolate may be about to create it.
        (Item::User(_), None) => Ok(Whereabouts::default()),
        (_, found) => {
            let found = found.unwrap_or_default();
            remember(io, item, found, now);
            Ok(found)
        }
    }
}

/// Remembers where `item` is, as read at `read_at`.
pub fn remember(io: &impl Io, item: Item<'_>, found: Whereabouts, read_at: EpochMs) {
    let now = io.now();
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
pub async fn db<I: Io>(io: &I, item: Item<'_>, access: Access) -> Result<I::Db, Problem> {
    let shard = shard_of(io, item, access).await?;
    io.db(shard)
}

/// An account's database, to change it.
///
/// # Errors
/// As [`shard_of`].
pub async fn of_account<I: Io>(io: &I, account: Id) -> Result<I::Db, Problem> {
    db(io, Item::Account(account), Access::Write).await
}

/// An account's database, to read it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn of_account_to_read<I: Io>(io: &I, account: Id) -> Result<I::Db, Problem> {
    db(io, Item::Account(account), Access::Read).await
}

/// The first row of a statement about an account; None only if there certainly is none. A call that was late may have asked a database that the account has
/// left meanwhile, which has no rows of it, and on whose word bytes and reservations must not be given up.
///
/// # Errors
/// [`Problem::AccountMoving`] if the account is being moved, or has been; [`Problem::Internal`].
pub async fn certainly_first<T: DeserializeOwned>(io: &impl Io, account: Id, statement: &Statement) -> Result<Option<T>, Problem> {
    certainly_first_of(io, Item::Account(account), Access::Write, statement).await
}

/// The same about any item, also to read: without a row the caller would be told that what was moved meanwhile does not exist.
///
/// # Errors
/// [`Problem::AccountMoving`]; [`Problem::Internal`].
pub async fn certainly_first_of<T: DeserializeOwned>(
    io: &impl Io,
    item: Item<'_>,
    access: Access,
    statement: &Statement,
) -> Result<Option<T>, Problem> {
    let shard = shard_of(io, item, access).await?;
    let row = database::first(&io.db(shard)?, statement).await?;
    if row.is_none() {
        still_has(io, shard, item, access).await?;
    }
    Ok(row)
}

/// Checks that a shard which had no rows of an account is still the account's, whatever this isolate remembers. Nothing of an account is deleted in a database
/// before the directory names the other one.
///
/// # Errors
/// [`Problem::AccountMoving`]; [`Problem::Internal`].
pub async fn must_still_have(io: &impl Io, shard: Shard, account: Id) -> Result<(), Problem> {
    still_has(io, shard, Item::Account(account), Access::Write).await
}

/// The same for a namespace.
///
/// # Errors
/// [`Problem::AccountMoving`]; [`Problem::Internal`].
pub async fn must_still_have_namespace(io: &impl Io, shard: Shard, namespace: &Name) -> Result<(), Problem> {
    still_has(io, shard, Item::Namespace(namespace), Access::Write).await
}

async fn still_has(io: &impl Io, shard: Shard, item: Item<'_>, access: Access) -> Result<(), Problem> {
    if !are_several(io) {
        return Ok(());
    }
    let found: Option<Whereabouts> = database::first(&io.db(Shard::MAIN)?, &repository::find(item)).await?;
    if found.unwrap_or_default().open_for(access) == Some(shard) { Ok(()) } else { Err(Problem::AccountMoving) }
}

/// A namespace's database, to change it.
///
/// # Errors
/// As [`shard_of`].
pub async fn of_namespace<I: Io>(io: &I, namespace: &Name) -> Result<I::Db, Problem> {
    db(io, Item::Namespace(namespace), Access::Write).await
}

/// A namespace's database, to read it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn of_namespace_to_read<I: Io>(io: &I, namespace: &Name) -> Result<I::Db, Problem> {
    db(io, Item::Namespace(namespace), Access::Read).await
}
