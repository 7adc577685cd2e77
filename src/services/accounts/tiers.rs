//! Tiers: changed in the first database, and copied to every other, where accounts are read with their tier.

use crate::accounts::repository;
use crate::accounts::tier::{Tier, TierPatch};
use crate::base::shard::Shard;
use crate::clients::{database, shards};
use crate::io::Io;
use crate::io::stale::Stale;
use crate::problem::Problem;

/// All tiers, lowest rank first.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn all(io: &impl Io) -> Result<Vec<Tier>, Problem> {
    database::all(&io.db(Shard::MAIN)?, &repository::tiers()).await
}

/// Copies the tiers to every other database. Repeated by the daily run.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn publish(io: &impl Io) -> Result<(), Problem> {
    if !shards::are_several(io) {
        return Ok(());
    }
    let statements: Vec<_> = all(io).await?.iter().map(repository::put_tier).collect();
    for shard in shards::all(io).skip(1) {
        database::batch(&io.db(shard)?, &statements).await?;
    }
    Ok(())
}

/// Maximum attempts of an update under concurrent changes.
const MAX_ATTEMPTS: u32 = 10;

/// Changes a tier: immediately in this isolate, elsewhere when cached accounts expire (30 s).
///
/// # Errors
/// 404, 422; 409 if others change it all the time.
pub async fn change(io: &impl Io, name: &str, patch: &TierPatch) -> Result<Tier, Problem> {
    let db = io.db(Shard::MAIN)?;
    for _ in 0..MAX_ATTEMPTS {
        let before: Option<Tier> = database::first(&db, &repository::tier(name)).await?;
        let before = before.ok_or(Problem::NotFound)?;
        let (since, after) = (before.updated_at, patch.apply(before, io.now())?);
        if database::exists(&db, &repository::update_tier(&after, since)).await? {
            publish(io).await?;
            io.forget(Stale::Accounts).await;
            return Ok(after);
        }
    }
    Err(Problem::StillRunning)
}
