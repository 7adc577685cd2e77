//! `POST …/provision`: one account and one pair of credentials per user, however often and however concurrently it is called.

use serde_json::json;

use super::super::keys::{Mode, new_key, new_secret};
use super::super::ledger::link;
use super::super::ledger::message::Message;
use super::super::lookup;
use super::super::provision::{Credentials, Provision, REPEAT_MS, Record, Wanted, credentials_row, on_repeat};
use super::super::store::{self, NewCredentials};
use super::super::tier::Tier;
use super::super::vault::NONCE_BYTES;
use super::{record, slot, tier};
use crate::delivery::meter;
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::http::reply::Reply;
use crate::ids::Id;
use crate::json;
use crate::platform::{bindings, clock, d1, log, random};
use crate::problem::Problem;
use crate::replay::keep;
use crate::units::{EpochMs, Sha256Hex};

/// Random bytes for a key and a secret: 64 digits, of which each byte yields one with 97 % probability.
const RANDOM_BYTES: usize = 256;

/// Creates the account or gives it back.
pub async fn provision(call: &Routed) -> Result<Reply, Problem> {
    let wanted = call.json::<Provision>(MAX_BODY).await?.check()?;
    let slot = slot(call).await?;
    let held = call.clone();
    keep::once(call, slot, async move { run(&held, wanted).await }).await
}

async fn run(call: &Routed, wanted: Wanted) -> Result<Reply, Problem> {
    let tier = tier(call, &wanted.tier).await?;
    if let Some(found) = record(call, &wanted.user).await? {
        return repeat(call, found, &wanted, &tier).await;
    }
    let (id, now) = (random::id()?, clock::now());
    let (credentials, new) = draw(call, id, now)?;
    d1::batch(&bindings::db(&call.env)?, &store::provision(id, &wanted, &call.config.bucket, &new, now)).await?;
    let found = record(call, &wanted.user).await?.ok_or(Problem::Internal)?;
    if found.id != id {
        // Another call for the same user was first.
        return repeat(call, found, &wanted, &tier).await;
    }
    Reply::json(201, &json!({ "account": found.view(Some(credentials)), "cached": false }))
}

async fn repeat(call: &Routed, mut found: Record, wanted: &Wanted, tier: &Tier) -> Result<Reply, Problem> {
    let db = bindings::db(&call.env)?;
    if on_repeat(&found.tier, tier)? {
        d1::batch(&db, &[store::raise_tier(found.id, &tier.tier, clock::now())]).await?;
        found = changed(call, &found).await?;
    }
    if found.agentcache_email.as_deref() != Some(&wanted.email) {
        d1::batch(&db, &[store::set_email(found.id, &wanted.email)]).await?;
    }
    let credentials = open(call, &found);
    Reply::json(200, &json!({ "account": found.view(credentials), "cached": true }))
}

/// The account after a change of it, which its ledger and this isolate learn of at once.
pub async fn changed(call: &Routed, before: &Record) -> Result<Record, Problem> {
    let now = record(call, &before.agentcache_user_id).await?.ok_or(Problem::NotFound)?;
    lookup::forget(now.id);
    meter::forget(now.id);
    link::tell(&call.env, now.id, &Message::Change { limits: now.limits() }).await?;
    Ok(now)
}

/// Fresh credentials, in clear and as they are stored.
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

/// The credentials in clear, while they can be had.
fn open(call: &Routed, found: &Record) -> Option<Credentials> {
    let text = call.config.vault.open(&found.row(), found.sealed.as_deref()?);
    if text.is_none() {
        let _ = log::internal("vault", "sealed credentials do not open: was CREDENTIAL_KEY changed?");
    }
    json::read(&text?).ok()
}
