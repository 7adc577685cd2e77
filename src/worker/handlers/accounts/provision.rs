//! `POST …/provision`: one account and one pair of credentials per user, for any number of repeated or concurrent calls.

use crate::accounts::provisioning::Provision;
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::services;
use crate::services::accounts::figures;
use crate::services::accounts::provision::provision_account;
use crate::services::idempotency::once;
use crate::worker::handlers::accounts::slot;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Creates the account, or returns the existing one.
pub async fn provision(call: &Routed) -> Result<Reply, Problem> {
    let answer = provisioned(call).await;
    figures::count(&call.service, &answer);
    answer.map(Reply::from)
}

async fn provisioned(call: &Routed) -> Result<services::reply::Reply, Problem> {
    let wanted = call.json::<Provision>(MAX_BODY).await?.check()?;
    let (slot, held) = (slot(call).await?, call.service.clone());
    once(&call.service, slot, async move { provision_account(&held, wanted).await }).await
}
