//! Provisioning: creates an account, or returns the credentials of an existing one (docs/accounts.md, Provisioning).

use serde_json::json;

use crate::accounts::provisioning::{Credentials, ProvisionParams, REPEAT_MS, Record, credentials_row, on_repeat};
use crate::accounts::repository;
use crate::accounts::repository::NewCredentials;
use crate::accounts::tier::Tier;
use crate::auth::api_key::{Mode, new_key, new_secret};
use crate::base::aead::NONCE_BYTES;
use crate::base::id::Id;
use crate::base::json;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::ledger::message::Message;
use crate::problem::Problem;
use crate::worker::clients::ledger;
use crate::worker::content::meter;
use crate::worker::http::account_cache;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, d1, log, random};
use crate::worker::services::accounts::find::{record, tier};

/// Random bytes for key and secret: 64 characters, each byte yields one with a probability of 97 %.
const RANDOM_BYTES: usize = 256;

/// Creates the account of a user, or returns the existing one with its credentials while they can be decrypted.
pub async fn provision_account(call: &Routed, wanted: ProvisionParams) -> Result<Reply, Problem> {
    let tier = tier(call, &wanted.tier).await?;
    if let Some(found) = record(call, &wanted.user).await? {
        return repeat_credentials(call, found, &wanted, &tier).await;
    }
    let (id, now) = (random::id()?, clock::now());
    let (credentials, new) = draw(call, id, now)?;
    d1::batch(&bindings::db(&call.env)?, &repository::provision(id, &wanted, &call.config.bucket, &new, now)).await?;
    let found = record(call, &wanted.user).await?.ok_or(Problem::Internal)?;
    if found.id != id {
        // A concurrent call for the same user was first.
        return repeat_credentials(call, found, &wanted, &tier).await;
    }
    Reply::json(201, &json!({ "account": found.view(Some(credentials)), "cached": false }))
}

async fn repeat_credentials(call: &Routed, mut found: Record, wanted: &ProvisionParams, tier: &Tier) -> Result<Reply, Problem> {
    let db = bindings::db(&call.env)?;
    if on_repeat(&found.tier, tier)? {
        d1::batch(&db, &[repository::raise_tier(found.id, &tier.tier, clock::now())]).await?;
        found = changed(call, &found).await?;
    }
    if found.agentcache_email.as_deref() != Some(&wanted.email) {
        d1::batch(&db, &[repository::set_email(found.id, &wanted.email)]).await?;
    }
    let credentials = open_credentials(call, &found);
    Reply::json(200, &json!({ "account": found.view(credentials), "cached": true }))
}

/// The account after a change; its ledger and this isolate's caches are updated at once.
pub async fn changed(call: &Routed, before: &Record) -> Result<Record, Problem> {
    let now = record(call, &before.agentcache_user_id).await?.ok_or(Problem::NotFound)?;
    account_cache::evict(now.id);
    // Without a ledger there is nothing to tell: it reads the limits when the account's first call creates it.
    if now.ledger_region.is_some() {
        ledger::send(&call.env, now.id, &Message::Change { limits: now.limits() }).await?;
        meter::renew(call, now.id).await;
    }
    Ok(now)
}

/// Draws credentials: in plain text, and in the form that is stored.
pub fn draw(call: &Routed, account: Id, now: EpochMs) -> Result<(Credentials, NewCredentials), Problem> {
    let mut pool = random::bytes::<RANDOM_BYTES>()?.into_iter();
    let mut failed = false;
    let mut next = || {
        pool.next().unwrap_or_else(|| {
            failed = true;
            0
        })
    };
    let credentials = Credentials { api_key: new_key(Mode::Live, &mut next), api_secret: new_secret(&mut next) };
    if failed {
        return Err(log::internal("random", "the pool ran dry"));
    }
    let text = json::write(&credentials).map_err(|error| log::internal("credentials", &error.to_string()))?;
    let sealed = call.config.vault.seal(&credentials_row(account), &text, random::bytes::<NONCE_BYTES>()?).ok_or(Problem::Internal)?;
    let new = NewCredentials {
        key_hash: Sha256Hex::of(credentials.api_key.as_bytes()),
        secret_hash: Sha256Hex::of(credentials.api_secret.as_bytes()),
        sealed,
        sealed_until: now.plus(REPEAT_MS),
    };
    Ok((credentials, new))
}

/// The credentials in plain text, while they can be decrypted.
fn open_credentials(call: &Routed, found: &Record) -> Option<Credentials> {
    let text = call.config.vault.open(&found.row(), found.sealed.as_deref()?);
    if text.is_none() {
        let _ = log::internal("vault", "sealed credentials do not open: was CREDENTIAL_KEY changed?");
    }
    json::read(&text?).ok()
}
