//! `POST /api/jetty/check-duplicate`.

use super::duplicate::{Check, DuplicateView, view};
use super::reference::{Known, find};
use crate::accounts::access::Account;
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::http::reply::Reply;
use crate::problem::Problem;
use crate::units::Sha256Hex;

/// Whether the caller's namespaces have these bytes.
pub async fn check_duplicate(call: &Routed) -> Result<Reply, Problem> {
    let (hash, size) = call.json::<Check>(MAX_BODY).await?.check()?;
    let account = call.account()?;
    account.must_be_active()?;
    Reply::json(200, &duplicate(call, &account, &hash, size).await?)
}

/// The same as a value.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn duplicate(call: &Routed, account: &Account, hash: &Sha256Hex, size: u64) -> Result<DuplicateView, Problem> {
    let known = find(&call.env, account.id, hash, size, None, "").await?;
    let asset = match &known {
        Known::Owned(asset) => Some(&**asset),
        Known::Stored(_) | Known::No => None,
    };
    Ok(view(!matches!(known, Known::No), asset, size, call.config.dedup_usd_per_gb, &call.base))
}
