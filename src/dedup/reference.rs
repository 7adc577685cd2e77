//! Referencing bytes that are there instead of sending them.

use worker::Env;

use super::duplicate::Found;
use super::store;
use crate::accounts::access::Account;
use crate::accounts::ledger::link;
use crate::assets::asset::Asset;
use crate::http::call::Routed;
use crate::ids::{Id, Name};
use crate::platform::{bindings, clock, d1, random};
use crate::problem::Problem;
use crate::units::Sha256Hex;

/// What is known of bytes in the caller's namespaces.
pub enum Known {
    /// Nothing.
    No,
    /// They are there; the caller has no asset of them.
    Stored(Box<Asset>),
    /// They are there, and the caller's.
    Owned(Box<Asset>),
}

/// Looks for bytes in one query.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn find(env: &Env, account: Id, hash: &Sha256Hex, size: u64, namespace: Option<&Name>) -> Result<Known, Problem> {
    let statement = store::duplicate(account, hash, size, namespace);
    let rows: Vec<serde_json::Value> = d1::all(&bindings::db(env)?, &statement).await?;
    let owned = rows.iter().find(|row| row.get("id").is_some_and(|id| !id.is_null()));
    let Some(row) = owned.or(rows.first()) else { return Ok(Known::No) };
    let mut row = row.clone();
    let is_owned = serde_json::from_value::<Found>(row.clone()).is_ok_and(|found| found.id.is_some());
    if !is_owned {
        // What the asset will have is the caller's to say.
        let blank = [("id", Id::from_random([0; 16]).to_string()), ("name", String::new()), ("content_type", String::new())];
        for (name, value) in blank {
            row[name] = value.into();
        }
        row["created_at"] = 0.into();
    }
    let asset: Asset = serde_json::from_value(row).map_err(|_| Problem::Internal)?;
    Ok(if is_owned { Known::Owned(Box::new(asset)) } else { Known::Stored(Box::new(asset)) })
}

/// Gives the account an asset of that name that references the bytes of `known`. None if the collector was faster.
///
/// # Errors
/// 403, 507.
pub async fn refer(call: &Routed, account: &Account, known: Asset, name: String, content_type: String) -> Result<Option<Asset>, Problem> {
    let asset = Asset { id: random::id()?, account_id: account.id, name, content_type, created_at: clock::now(), ..known };
    link::adopt(&call.env, account, &asset).await?;
    let db = bindings::db(&call.env)?;
    let written = d1::batch(&db, &store::refer(&asset)).await;
    let seen: Option<serde_json::Value> = d1::first(&db, &crate::accounts::store::asset_stored(asset.id)).await?;
    match (written, seen) {
        (Ok(()), Some(_)) => Ok(Some(asset)),
        (Ok(()), None) => {
            link::release(&call.env, account.id, asset.id).await?;
            Ok(None)
        }
        // Unclear: the ledger looks into it.
        (Err(problem), _) => Err(problem),
    }
}
