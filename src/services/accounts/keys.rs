//! An account's own keys.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::accounts::account::Account;
use crate::accounts::repository;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::problem::Problem;
use crate::services::accounts::{browser_session, change};
use crate::services::reply::Reply;
use crate::services::request::Request;

/// Keys that an account may have before it gets no new one for itself; the daily run deletes those that have expired.
const MAX_KEYS: u64 = 20;

/// When a refused caller may try again, s: after the next daily run.
const RETRY_SECONDS: u32 = 86_400;

#[derive(Deserialize)]
struct Count {
    keys: u64,
}

/// A key: one row of [`repository::keys_of`].
#[derive(Debug, Deserialize)]
struct Key {
    fingerprint: String,
    created_at: EpochMs,
    expires_at: Option<EpochMs>,
}

/// A key as its account sees it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyView {
    /// The beginning of the key's SHA-256, hex.
    fingerprint: String,
    created_at: String,
    /// Null for the one that is current.
    expires_at: Option<String>,
}

/// The account's keys, newest first.
///
/// # Errors
/// [`Problem::AccountMoving`]; [`Problem::Internal`].
pub async fn list(call: &Request<impl Io>, account: &Account) -> Result<Vec<KeyView>, Problem> {
    let db = shards::of_account_to_read(&call.io, account.id).await?;
    let mut keys: Vec<Key> = database::all(&db, &repository::keys_of(account.id, call.now())).await?;
    keys.sort_by_key(|key| Reverse(key.created_at));
    let view =
        |key: Key| KeyView { fingerprint: key.fingerprint, created_at: key.created_at.rfc3339(), expires_at: key.expires_at.map(EpochMs::rfc3339) };
    Ok(keys.into_iter().map(view).collect())
}

/// New credentials for the calling account; the old ones stay valid for `overlap_ms`. A browser that asks stays signed in: its session goes on with the new key.
///
/// # Errors
/// 403 if the account is suspended; 409 while it is moved or deleted; 429 with [`MAX_KEYS`] keys.
pub async fn rotate(call: &Request<impl Io>, account: &Account, browser: Option<Id>, overlap_ms: u64) -> Result<Reply, Problem> {
    account.must_be_active()?;
    let db = shards::of_account(&call.io, account.id).await?;
    let count: Option<Count> = database::first(&db, &repository::count_keys(account.id, MAX_KEYS)).await?;
    if count.is_some_and(|count| count.keys >= MAX_KEYS) {
        return Err(Problem::RateLimited { limit: MAX_KEYS, retry_after: RETRY_SECONDS });
    }
    let (reply, key) = change::rotate_to(call, &account.agentcache_user_id, overlap_ms).await?;
    if let Some(session) = browser {
        // The error is logged; the browser has to sign in again then, with the new credentials.
        let _ = browser_session::go_on_with(&call.io, session, &key).await;
    }
    Ok(reply)
}
