//! Tiers: changed in the first database, and copied to every other, where accounts are read with their tier.

use worker::Env;

use crate::accounts::repository;
use crate::accounts::tier::Tier;
use crate::base::shard::Shard;
use crate::problem::Problem;
use crate::worker::platform::{bindings, d1, shards};

/// All tiers, lowest rank first.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn all(env: &Env) -> Result<Vec<Tier>, Problem> {
    d1::all(&bindings::db(env, Shard::MAIN)?, &repository::tiers()).await
}

/// Copies the tiers to every other database. Repeated by the daily run.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn publish(env: &Env) -> Result<(), Problem> {
    if !shards::are_several(env) {
        return Ok(());
    }
    let statements: Vec<_> = all(env).await?.iter().map(repository::put_tier).collect();
    for shard in shards::all(env).skip(1) {
        d1::batch(&bindings::db(env, shard)?, &statements).await?;
    }
    Ok(())
}
