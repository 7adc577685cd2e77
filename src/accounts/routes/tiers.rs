//! `GET /api/portal/tiers` and `PATCH /api/portal/tiers/{tier}`.

use serde_json::json;

use super::super::tier::{Tier, TierPatch};
use super::super::{lookup, store};
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::http::reply::Reply;
use crate::platform::{bindings, clock, d1};
use crate::problem::Problem;

/// All tiers.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let tiers: Vec<Tier> = d1::all(&bindings::db(&call.env)?, &store::tiers()).await?;
    Reply::json(200, &json!({ "tiers": tiers }))
}

/// Changes a tier: at once here, elsewhere as soon as remembered lookups end (30 s).
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let patch: TierPatch = call.json(MAX_BODY).await?;
    let db = bindings::db(&call.env)?;
    let tier: Option<Tier> = d1::first(&db, &store::tier(call.params.get("tier").unwrap_or_default())).await?;
    let tier = patch.apply(tier.ok_or(Problem::NotFound)?, clock::now())?;
    d1::batch(&db, &[store::update_tier(&tier)]).await?;
    lookup::forget_all();
    Reply::json(200, &tier)
}
