//! Lists and renames an account's files.

use serde::Deserialize;

use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::clients::{database, shards};
use crate::files::asset::Asset;
use crate::files::listing::repository;
use crate::files::listing::{Key, Listing, Mark};
use crate::io::Io;
use crate::io::database::Database;
use crate::io::stale::Stale;
use crate::problem::Problem;
use crate::services::request::Request;

#[derive(Deserialize)]
struct LookedAt {
    id: Id,
    name: String,
    created_at: EpochMs,
}

/// A page of `limit` files at the most, and the cursor of the next one. A search looks at a bounded number of names for a page, which may thus have fewer files
/// than there are, or none, and a cursor.
///
/// # Errors
/// [`Problem::AccountMoving`]; [`Problem::Internal`].
pub async fn page(io: &impl Io, account: Id, listing: &Listing, limit: u64) -> Result<(Vec<Asset>, Option<String>), Problem> {
    let db = shards::of_account_to_read(io, account).await?.nearest_if(listing.behind.is_some());
    let until = if listing.search.is_empty() {
        None
    } else {
        let last: Option<LookedAt> = database::first(&db, &repository::last_looked_at(account, listing)).await?;
        last.map(|last| match listing.key {
            Key::Created => Mark::Created(last.created_at, last.id),
            Key::Name => Mark::Name(last.name, last.id),
        })
    };
    let mut files: Vec<Asset> = database::all(&db, &repository::page(account, listing, until.as_ref(), limit.saturating_add(1))).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    if files.len() <= most {
        return Ok((files, until.map(|mark| mark.cursor())));
    }
    files.truncate(most);
    let cursor = files.last().map(|asset| Mark::of(listing.key, asset).cursor());
    Ok((files, cursor))
}

/// Gives a file another name.
///
/// # Errors
/// 404 if it is gone; [`Problem::AccountMoving`].
pub async fn rename(call: &Request<impl Io>, asset: Asset, name: String) -> Result<Asset, Problem> {
    let rename = repository::rename(asset.id, asset.account_id, &name);
    let renamed: Option<serde_json::Value> = shards::certainly_first(&call.io, asset.account_id, &rename).await?;
    renamed.ok_or(Problem::NotFound)?;
    // Answers with the content tell the name.
    call.forget(Stale::File(&asset.namespace, asset.id)).await;
    Ok(Asset { name, ..asset })
}
