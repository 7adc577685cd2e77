//! Provisioning: creates an account, or returns the credentials of an existing one (docs/accounts.md, Provisioning).

use serde_json::json;

use crate::accounts::directory::Item;
use crate::accounts::provisioning::{Credentials, ProvisionParams, REPEAT_MS, Record, credentials_row, on_repeat, own_namespace};
use crate::accounts::repository::NewCredentials;
use crate::accounts::tier::Tier;
use crate::accounts::{directory, repository};
use crate::auth::api_key::{Mode, new_key, new_secret};
use crate::base::aead::NONCE_BYTES;
use crate::base::id::{Id, Name};
use crate::base::json;
use crate::base::sha256::Sha256Hex;
use crate::base::shard::{Access, Shard, Whereabouts};
use crate::base::time::EpochMs;
use crate::clients::{database, ledger, shards};
use crate::io::Io;
use crate::io::stale::Stale;
use crate::ledger::message::Message;
use crate::log;
use crate::problem::Problem;
use crate::services::accounts::find::{record, tier};
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::webhooks;
use crate::webhooks::data;
use crate::webhooks::event::EventKind;
use crate::webhooks::repository::{Only, Written, emit};

/// Random bytes for key and secret: 64 characters, each byte yields one with a probability of 97 %.
const RANDOM_BYTES: usize = 256;

/// Creates the account of a user, or returns the existing one with its credentials while they can be decrypted.
pub async fn provision_account(call: &Request<impl Io>, wanted: ProvisionParams) -> Result<Reply, Problem> {
    let tier = tier(call, &wanted.tier).await?;
    if let Some(found) = record(call, &wanted.user).await? {
        return repeat_credentials(call, found, &wanted, &tier).await;
    }
    let (id, now) = (call.id()?, call.now());
    let (credentials, new) = draw(call, id, now)?;
    let shard = claim_shard(call, &wanted.user).await?;
    if !shard.is_main() {
        put_into_directory(call, id, &new, shard).await?;
    }
    let namespace = Name::parse(&own_namespace(&wanted.user)).ok_or(Problem::Internal)?;
    let event = webhooks::event(&call.io, EventKind::AccountProvisioned, &data::account_provisioned(id, &wanted.user, &wanted.tier, &namespace))?;
    let mut statements = repository::provision(id, &wanted, &call.config.bucket, &new, now, shard);
    let before = statements.len();
    // To endpoints of the namespace, if it was there before its account.
    statements.push(emit(&namespace, &event, Only::WithAccount(id)));
    let notices: Vec<Written> = database::results(&call.db(shard)?, &statements).await?.skip(before).all()?;
    webhooks::send(&call.io, &namespace, notices).await;
    let found = record(call, &wanted.user).await?.ok_or(Problem::Internal)?;
    if found.id != id {
        // A concurrent call for the same user was first.
        return repeat_credentials(call, found, &wanted, &tier).await;
    }
    Reply::json(201, &json!({ "account": found.view(Some(credentials)), "cached": false }))
}

/// The shard of a new account: where new accounts go, or where an earlier call for the same user was to create it.
async fn claim_shard(call: &Request<impl Io>, user: &Name) -> Result<Shard, Problem> {
    let wanted = call.config.new_accounts_shard;
    if wanted.is_main() {
        return shards::shard_of(&call.io, Item::User(user), Access::Write).await;
    }
    // The claim fails before the account is created if that database is not bound.
    call.db(wanted)?;
    let claim = directory::repository::claim(user, wanted);
    let mut rows = database::results(&call.db(Shard::MAIN)?, &claim).await?;
    let found: Option<Whereabouts> = rows.skip(claim.len() - 1).first()?;
    let found = found.unwrap_or_default();
    shards::forget();
    found.open_for(Access::Write).ok_or(Problem::AccountMoving)
}

/// Says in the directory where an account and its new key are, before they are there: a key that leads nowhere does no harm.
pub async fn put_into_directory(call: &Request<impl Io>, account: Id, new: &NewCredentials, shard: Shard) -> Result<(), Problem> {
    database::batch(&call.db(Shard::MAIN)?, &directory::repository::put(account, &new.key_hash, shard)).await
}

async fn repeat_credentials(call: &Request<impl Io>, mut found: Record, wanted: &ProvisionParams, tier: &Tier) -> Result<Reply, Problem> {
    found.must_stay()?;
    let db = shards::of_account(&call.io, found.id).await?;
    if on_repeat(&found.tier, tier)? {
        database::batch(&db, &[repository::raise_tier(found.id, &tier.tier, call.now())]).await?;
        found = changed(call, &found).await?;
    }
    if found.agentcache_email.as_deref() != Some(&wanted.email) {
        database::batch(&db, &[repository::set_email(found.id, &wanted.email)]).await?;
    }
    let credentials = open_credentials(call, &found);
    Reply::json(200, &json!({ "account": found.view(credentials), "cached": true }))
}

/// The account after a change; its ledger and this isolate's caches are updated at once.
pub async fn changed(call: &Request<impl Io>, before: &Record) -> Result<Record, Problem> {
    // It was there: if it is not any more, it has been moved since it was looked up.
    let now = record(call, &before.agentcache_user_id).await?.ok_or(Problem::AccountMoving)?;
    call.forget(Stale::Account(now.id)).await;
    // Without a ledger there is nothing to tell: it reads the limits when the account's first call creates it.
    if now.ledger_region.is_some() {
        ledger::send(&call.io, now.id, &Message::Change { limits: now.limits() }).await?;
        call.forget(Stale::Limits(now.id)).await;
    }
    Ok(now)
}

/// Draws credentials: in plain text, and in the form that is stored.
pub fn draw(call: &Request<impl Io>, account: Id, now: EpochMs) -> Result<(Credentials, NewCredentials), Problem> {
    let mut pool = call.random::<RANDOM_BYTES>()?.into_iter();
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
    let sealed = call.config.vault.seal(&credentials_row(account), &text, call.random::<NONCE_BYTES>()?).ok_or(Problem::Internal)?;
    let new = NewCredentials {
        key_hash: Sha256Hex::of(credentials.api_key.as_bytes()),
        secret_hash: Sha256Hex::of(credentials.api_secret.as_bytes()),
        sealed,
        sealed_until: now.plus(REPEAT_MS),
    };
    Ok((credentials, new))
}

/// The credentials in plain text, while they can be decrypted.
fn open_credentials(call: &Request<impl Io>, found: &Record) -> Option<Credentials> {
    let text = call.config.vault.open(&found.row(), found.sealed.as_deref()?);
    if text.is_none() {
        let _ = log::internal("vault", "sealed credentials do not open: was CREDENTIAL_KEY changed?");
    }
    json::read(&text?).ok()
}
