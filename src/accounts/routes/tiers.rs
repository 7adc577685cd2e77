//! `GET /api/portal/tiers` and `PATCH /api/portal/tiers/{tier}`.

use serde_json::json;

use super::super::tier::{Tier, TierPatch};
use super::super::{lookup, store};
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::http::reply::Reply;
use crate::platform::{bindings, clock, d1};
use crate::problem::Problem;

/// How often a change is tried that others get ahead of.
const TRIES: u32 = 10;

/// All tiers.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let tiers: Vec<Tier> = d1::all(&bindings::db(&call.env)?, &store::tiers()).await?;
    Reply::json(200, &json!({ "tiers": tiers }))
}

/// Changes a tier: at once here, elsewhere as soon as remembered lookups end (30 s).
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let patch: TierPatch = call.json(MAX_BODY).await?;
    let db = bindings::db(&call.env)?;
    for _ in 0..TRIES {
        let before: Option<Tier> = d1::first(&db, &store::tier(call.params.get("tier").unwrap_or_default())).await?;
        let before = before.ok_or(Problem::NotFound)?;
        let (since, after) = (before.updated_at, patch.apply(before, clock::now())?);
        if d1::first::<serde_json::Value>(&db, &store::update_tier(&after, since)).await?.is_some() {
            lookup::forget_all();
            return Reply::json(200, &after);
        }
    }
    Err(Problem::StillRunning)
}
