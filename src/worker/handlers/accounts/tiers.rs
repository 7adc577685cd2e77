//! `GET /api/portal/tiers` and `PATCH /api/portal/tiers/{tier}`.

use serde_json::json;

use crate::accounts::repository;
use crate::accounts::tier::{Tier, TierPatch};
use crate::base::shard::Shard;
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::worker::http::account_cache;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, d1};
use crate::worker::services::accounts::tiers;

/// Maximum attempts of an update under concurrent changes.
const MAX_ATTEMPTS: u32 = 10;

/// Lists all tiers.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    Reply::json(200, &json!({ "tiers": tiers::all(&call.env).await? }))
}

/// Changes a tier: immediately in this isolate, elsewhere when cached accounts expire (30 s).
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let patch: TierPatch = call.json(MAX_BODY).await?;
    let db = bindings::db(&call.env, Shard::MAIN)?;
    for _ in 0..MAX_ATTEMPTS {
        let before: Option<Tier> = d1::first(&db, &repository::tier(call.params.get("tier").unwrap_or_default())).await?;
        let before = before.ok_or(Problem::NotFound)?;
        let (since, after) = (before.updated_at, patch.apply(before, clock::now())?);
        if d1::first::<serde_json::Value>(&db, &repository::update_tier(&after, since)).await?.is_some() {
            tiers::publish(&call.env).await?;
            account_cache::evict_all();
            return Reply::json(200, &after);
        }
    }
    Err(Problem::StillRunning)
}
