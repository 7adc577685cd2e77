//! References to stored bytes instead of sending them.

use worker::Env;

use crate::accounts::account::Account;
use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::dedup;
use crate::dedup::lookup::{DuplicateView, Found, view};
use crate::files::asset::Asset;
use crate::problem::Problem;
use crate::worker::clients::ledger;
use crate::worker::http::call::Routed;
use crate::worker::platform::{bindings, clock, d1, random};

/// Result of [`find_duplicate`].
pub enum Known {
    /// Not stored in the caller's namespaces.
    No,
    /// Stored; the caller has no asset of it.
    Stored(Box<Asset>),
    /// Stored, and the caller has an asset of it.
    Owned(Box<Asset>),
}

/// Looks up a file in one query. Of several assets of the account, one named `wanted` is preferred.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn find_duplicate(env: &Env, account: Id, hash: &Sha256Hex, size: u64, namespace: Option<&Name>, wanted: &str) -> Result<Known, Problem> {
    let found: Vec<Found> = d1::all(&bindings::db(env)?, &dedup::repository::duplicate(account, hash, size, namespace, wanted)).await?;
    Ok(match found.into_iter().min_by_key(|found| (!found.owned, found.asset.name != wanted)) {
        None => Known::No,
        Some(Found { owned: true, asset }) => Known::Owned(Box::new(asset)),
        Some(Found { owned: false, asset }) => Known::Stored(Box::new(asset)),
    })
}

/// Creates an asset of that name that references the bytes of `known`. `None` if garbage collection or a concurrent call was first.
///
/// # Errors
/// 403, 507.
pub async fn refer(call: &Routed, account: &Account, known: Asset, name: String, content_type: String) -> Result<Option<Asset>, Problem> {
    let asset = Asset { id: random::id()?, account_id: account.id, name, content_type, created_at: clock::now(), ..known };
    ledger::adopt(&call.env, account, &asset).await?;
    let db = bindings::db(&call.env)?;
    let written = d1::batch(&db, &dedup::repository::refer(&asset)).await;
    let seen: Option<serde_json::Value> = d1::first(&db, &crate::ledger::repository::asset_stored(asset.id)).await?;
    match (written, seen) {
        (Ok(()), Some(_)) => Ok(Some(asset)),
        (Ok(()), None) => {
            ledger::release(&call.env, account.id, asset.id).await?;
            Ok(None)
        }
        // Outcome unknown: the ledger's scheduled check settles it.
        (Err(problem), _) => Err(problem),
    }
}

/// The result of [`find_duplicate`] as an API response.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn duplicate(call: &Routed, account: &Account, hash: &Sha256Hex, size: u64) -> Result<DuplicateView, Problem> {
    let known = find_duplicate(&call.env, account.id, hash, size, None, "").await?;
    let asset = match &known {
        Known::Owned(asset) => Some(&**asset),
        Known::Stored(_) | Known::No => None,
    };
    Ok(view(!matches!(known, Known::No), asset, size, call.config.dedup_usd_per_gb, &call.base))
}
