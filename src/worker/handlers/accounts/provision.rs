//! `POST …/provision`: one account and one pair of credentials per user, for any number of repeated or concurrent calls.

use crate::accounts::provisioning::Provision;
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::http::idempotency;
use crate::worker::http::reply::Reply;
use crate::worker::services::accounts::find::slot;
use crate::worker::services::accounts::provision::provision_account;

/// Creates the account, or returns the existing one.
pub async fn provision(call: &Routed) -> Result<Reply, Problem> {
    let wanted = call.json::<Provision>(MAX_BODY).await?.check()?;
    let slot = slot(call).await?;
    let held = call.clone();
    idempotency::once(call, slot, async move { provision_account(&held, wanted).await }).await
}
