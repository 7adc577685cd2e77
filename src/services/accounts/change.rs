//! Changes of an account: its tier, its credentials, whether it is suspended.

use serde_json::{Value, json};

use crate::accounts::directory::Item;
use crate::accounts::provisioning::{AccountPatch, Record, may_move};
use crate::accounts::repository;
use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::shard::{Access, Shard};
use crate::base::sql::Statement;
use crate::clients::{database, ledger, shards};
use crate::io::Io;
use crate::jobs;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::services::accounts::find::{record, tier};
use crate::services::accounts::provision::{changed, draw, put_into_directory};
use crate::services::idempotency::must_hold_claim;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::uploads::suspend;

/// The account of a user that is not being deleted.
async fn find_account(call: &Request<impl Io>, user: &Name) -> Result<Record, Problem> {
    let found = record(call, user).await?.ok_or(Problem::NotFound)?;
    found.must_stay().map(|()| found)
}

/// Makes a change whose first statement gives a row if the account is in `shard`. It may have been moved since it was found there, and then nothing was changed.
pub async fn apply(call: &Request<impl Io>, shard: Shard, change: &[Statement]) -> Result<(), Problem> {
    let made: Option<Value> = database::results(&call.db(shard)?, change).await?.first()?;
    made.map(|_| ()).ok_or(Problem::AccountMoving)
}

/// The shard of an account, to change it.
pub async fn shard_of(call: &Request<impl Io>, account: Id) -> Result<Shard, Problem> {
    shards::shard_of(&call.io, Item::Account(account), Access::Write).await
}

/// Moves an account to another tier. A downgrade is refused if the account uses more than the new tier allows, unless forced.
///
/// # Errors
/// 404, 409, 422.
pub async fn upgrade(call: &Request<impl Io>, user: &Name, wanted: &str, force: bool) -> Result<Reply, Problem> {
    let (found, tier) = (find_account(call, user).await?, tier(call, wanted).await?);
    let figures = ledger::usage_of(&call.io, &found).await?;
    may_move(&figures, &tier, force)?;
    apply(call, shard_of(call, found.id).await?, &[repository::set_tier(found.id, &tier.tier, call.now())]).await?;
    let now = changed(call, &found).await?;
    Reply::json(200, &json!({ "account": now.view(None) }))
}

/// Makes an operator's change. The tier comes first, because it may be refused.
///
/// # Errors
/// 404, 409, 422.
pub async fn patch(call: &Request<impl Io>, user: &Name, wanted: &AccountPatch) -> Result<Reply, Problem> {
    let suspended = wanted.suspended()?;
    let moved = match &wanted.tier {
        Some(tier) => Some(upgrade(call, user, tier, wanted.force).await?),
        None => None,
    };
    match (suspended, moved) {
        (Some(suspended), _) => switch(call, user, suspended).await,
        (None, Some(moved)) => Ok(moved),
        (None, None) => Err(Problem::Internal),
    }
}

/// Issues new credentials; the old ones stay valid for `overlap_ms`.
///
/// # Errors
/// 404.
pub async fn rotate(call: &Request<impl Io>, user: &Name, overlap_ms: u64) -> Result<Reply, Problem> {
    rotate_to(call, user, overlap_ms).await.map(|(reply, _)| reply)
}

/// The same, with the hash of the new key.
///
/// # Errors
/// 404.
pub async fn rotate_to(call: &Request<impl Io>, user: &Name, overlap_ms: u64) -> Result<(Reply, Sha256Hex), Problem> {
    let (found, now) = (find_account(call, user).await?, call.now());
    let (credentials, new) = draw(call, found.id, now)?;
    let shard = shard_of(call, found.id).await?;
    if !shard.is_main() {
        put_into_directory(call, found.id, &new, shard).await?;
    }
    must_hold_claim(call).await?;
    apply(call, shard, &repository::rotate(found.id, &new, now.plus(overlap_ms), now)).await?;
    let account = changed(call, &found).await?;
    let until = now.plus(overlap_ms).rfc3339();
    let reply = Reply::json(200, &json!({ "account": account.view(Some(credentials)), "old_credentials_expire_at": until }))?;
    Ok((reply, new.key_hash))
}

/// Suspends or resumes an account. The state is propagated to its open uploads, so that the next part is refused or accepted.
///
/// # Errors
/// 404.
pub async fn switch(call: &Request<impl Io>, user: &Name, suspended: bool) -> Result<Reply, Problem> {
    let found = find_account(call, user).await?;
    let status = if suspended { "suspended" } else { "active" };
    apply(call, shard_of(call, found.id).await?, &[repository::set_status(found.id, status, call.now())]).await?;
    let now = changed(call, &found).await?;
    suspend::propagate(&call.io, found.id, "").await?;
    // An upload that is being started has no row yet, and its start may die before it looks.
    call.enqueue(&Job::PropagateSuspension { account: found.id, cursor: String::new() }, jobs::REQUEST_SECONDS).await?;
    Reply::json(200, &json!({ "account": now.view(None) }))
}
