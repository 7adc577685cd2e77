//! `/api/portal/namespaces/{ns}/webhooks` and `…/deliveries`: operators and managers of the namespace tell it whom to tell what happens there.

use crate::access::caller::Caller;
use crate::base::id::Id;
use crate::http::json_body;
use crate::http::json_body::MAX_BODY;
use crate::http::pagination::Page;
use crate::namespaces::namespace::Namespace;
use crate::problem::Problem;
use crate::services::idempotency::once;
use crate::services::webhooks::manage;
use crate::webhooks::endpoint::{Create, Patch};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

async fn managed(call: &Routed) -> Result<Namespace, Problem> {
    manage::managed(&call.service, call.params.get("ns").unwrap_or_default()).await
}

fn webhook(call: &Routed) -> Result<Id, Problem> {
    manage::id(call.params.get("webhook"))
}

/// Adds an endpoint.
pub async fn create(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let wanted = json_body::parse::<Create>(&body)?.check(call.config.webhook_targets)?;
    let namespace = managed(call).await?;
    let scope = match &*call.caller {
        Caller::Account(account) => account.id.to_string(),
        _ => "operator".to_owned(),
    };
    // What a repeat must have in common: the namespace is not in the body.
    let asked = [namespace.name.as_str().as_bytes(), b"\n", &body].concat();
    let (slot, held) = (call.slot(&scope, &asked)?, call.service.clone());
    once(&call.service, slot, async move { manage::add(&held, &namespace.name, &wanted).await }).await.map(Reply::from)
}

/// Lists the endpoints.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let namespace = managed(call).await?;
    manage::list(&call.service, &namespace.name).await.map(Reply::from)
}

/// Reads one endpoint.
pub async fn get_webhook(call: &Routed) -> Result<Reply, Problem> {
    let namespace = managed(call).await?;
    manage::get(&call.service, &namespace.name, webhook(call)?).await.map(Reply::from)
}

/// Changes the fields in the body.
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let change = call.json::<Patch>(MAX_BODY).await?.check(call.config.webhook_targets)?;
    let namespace = managed(call).await?;
    manage::change(&call.service, &namespace.name, webhook(call)?, &change).await.map(Reply::from)
}

/// Deletes an endpoint.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let namespace = managed(call).await?;
    manage::delete(&call.service, &namespace.name, webhook(call)?).await.map(Reply::from)
}

/// Lists what was sent to an endpoint.
pub async fn deliveries(call: &Routed) -> Result<Reply, Problem> {
    let page = Page::read(call.query("cursor").as_deref(), call.query("limit").as_deref())?;
    let namespace = managed(call).await?;
    manage::deliveries(&call.service, &namespace.name, webhook(call)?, &page).await.map(Reply::from)
}

/// Sends a delivery again.
pub async fn replay(call: &Routed) -> Result<Reply, Problem> {
    let namespace = managed(call).await?;
    manage::replay(&call.service, &namespace.name, manage::id(call.params.get("delivery"))?).await.map(Reply::from)
}

/// Sends a test event.
pub async fn test(call: &Routed) -> Result<Reply, Problem> {
    let namespace = managed(call).await?;
    manage::test(&call.service, &namespace.name, webhook(call)?).await.map(Reply::from)
}
