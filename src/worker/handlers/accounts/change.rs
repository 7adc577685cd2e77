//! `POST …/upgrade`, `rotate`, `suspend`, `resume`.

use crate::accounts::provisioning::{OfUser, Rotate, Upgrade};
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::services::accounts::change;
use crate::services::idempotency::once;
use crate::worker::handlers::accounts::slot;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Moves an account to another tier.
pub async fn upgrade(call: &Routed) -> Result<Reply, Problem> {
    let wanted: Upgrade = call.json(MAX_BODY).await?;
    let (user, slot, held) = (wanted.user()?, slot(call).await?, call.service.clone());
    once(&call.service, slot, async move { change::upgrade(&held, &user, &wanted.tier, wanted.force).await }).await.map(Reply::from)
}

/// Issues new credentials; the old ones stay valid for the overlap.
pub async fn rotate(call: &Routed) -> Result<Reply, Problem> {
    let (user, overlap_ms) = call.json::<Rotate>(MAX_BODY).await?.check()?;
    let (slot, held) = (slot(call).await?, call.service.clone());
    once(&call.service, slot, async move { change::rotate(&held, &user, overlap_ms).await }).await.map(Reply::from)
}

/// Suspends or resumes an account.
pub async fn switch(call: &Routed, suspended: bool) -> Result<Reply, Problem> {
    let user = call.json::<OfUser>(MAX_BODY).await?.user()?;
    let (slot, held) = (slot(call).await?, call.service.clone());
    once(&call.service, slot, async move { change::switch(&held, &user, suspended).await }).await.map(Reply::from)
}
