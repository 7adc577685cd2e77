//! `GET /api/portal/tiers` and `PATCH /api/portal/tiers/{tier}`.

use serde_json::json;

use crate::accounts::tier::TierPatch;
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::services::accounts::tiers;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Lists all tiers.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    Reply::json(200, &json!({ "tiers": tiers::all(&call.io).await? }))
}

/// Changes a tier: immediately in this isolate, elsewhere when cached accounts expire (30 s).
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let patch: TierPatch = call.json(MAX_BODY).await?;
    Reply::json(200, &tiers::change(&call.io, call.params.get("tier").unwrap_or_default(), &patch).await?)
}
