//! `POST …/upgrade`, `rotate`, `suspend`, `resume`.

use serde_json::json;

use crate::accounts::provisioning::{OfUser, Record, Rotate, Upgrade, may_move};
use crate::accounts::repository;
use crate::base::id::Name;
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::worker::clients::ledger;
use crate::worker::http::call::Routed;
use crate::worker::http::idempotency;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{bindings, clock, d1};
use crate::worker::services::accounts::find::{record, slot, tier};
use crate::worker::services::accounts::provision::{changed, draw};
use crate::worker::services::uploads::suspend;

async fn find_account(call: &Routed, user: &Name) -> Result<Record, Problem> {
    record(call, user).await?.ok_or(Problem::NotFound)
}

/// Moves an account to another tier. A downgrade is refused if the account uses more than the new tier allows, unless forced.
pub async fn upgrade(call: &Routed) -> Result<Reply, Problem> {
    let wanted: Upgrade = call.json(MAX_BODY).await?;
    let (user, slot, held) = (wanted.user()?, slot(call).await?, call.clone());
    let work = async move {
        let (found, tier) = (find_account(&held, &user).await?, tier(&held, &wanted.tier).await?);
        let figures = ledger::usage_of(&held.env, &found).await?;
        may_move(&figures, &tier, wanted.force)?;
        d1::batch(&bindings::db(&held.env)?, &[repository::set_tier(found.id, &tier.tier, clock::now())]).await?;
        let now = changed(&held, &found).await?;
        Reply::json(200, &json!({ "account": now.view(None) }))
    };
    idempotency::once(call, slot, work).await
}

/// Issues new credentials; the old ones stay valid for the overlap.
pub async fn rotate(call: &Routed) -> Result<Reply, Problem> {
    let (user, overlap_ms) = call.json::<Rotate>(MAX_BODY).await?.check()?;
    let (slot, held) = (slot(call).await?, call.clone());
    let work = async move {
        let (found, now) = (find_account(&held, &user).await?, clock::now());
        let (credentials, new) = draw(&held, found.id, now)?;
        d1::batch(&bindings::db(&held.env)?, &repository::rotate(found.id, &new, now.plus(overlap_ms), now)).await?;
        let account = changed(&held, &found).await?;
        let until = now.plus(overlap_ms).rfc3339();
        Reply::json(200, &json!({ "account": account.view(Some(credentials)), "old_credentials_expire_at": until }))
    };
    idempotency::once(call, slot, work).await
}

/// Suspends or resumes an account. The state is propagated to its open uploads, so that the next part is refused or accepted.
pub async fn switch(call: &Routed, suspended: bool) -> Result<Reply, Problem> {
    let user = call.json::<OfUser>(MAX_BODY).await?.user()?;
    let (slot, held) = (slot(call).await?, call.clone());
    let work = async move {
        let found = find_account(&held, &user).await?;
        let status = if suspended { "suspended" } else { "active" };
        d1::batch(&bindings::db(&held.env)?, &[repository::set_status(found.id, status, clock::now())]).await?;
        let now = changed(&held, &found).await?;
        suspend::propagate(&held.env, found.id, "").await?;
        Reply::json(200, &json!({ "account": now.view(None) }))
    };
    idempotency::once(call, slot, work).await
}
