//! Queries for the identity backend: accounts, tiers and idempotency records.

use crate::access::caller::Caller;
use crate::accounts::directory::Item;
use crate::accounts::provisioning::Record;
use crate::accounts::tier::Tier;
use crate::accounts::{provisioning, repository};
use crate::base::id::Name;
use crate::base::shard::{Access, Shard};
use crate::http::json_body::MAX_BODY;
use crate::idempotency::repository::Slot;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::http::idempotency;
use crate::worker::platform::{bindings, clock, d1, shards};

/// Key of the idempotency record: the webhook-id of a signed call, else the Idempotency-Key.
pub async fn slot(call: &Routed) -> Result<Option<Slot>, Problem> {
    match &*call.caller {
        Caller::Webhook(Some(id)) => Ok(Some(Slot::Webhook { id: id.clone() })),
        _ => idempotency::slot(call, "webhook", &call.bytes(MAX_BODY).await?),
    }
}

/// The current account of a user, to change it.
pub async fn record(call: &Routed, user: &Name) -> Result<Option<Record>, Problem> {
    d1::first(&shards::db(&call.env, Item::User(user), Access::Write).await?, &repository::by_user(user, clock::now())).await
}

/// The tier of that name.
pub async fn tier(call: &Routed, name: &str) -> Result<Tier, Problem> {
    let row: Option<Tier> = d1::first(&bindings::db(&call.env, Shard::MAIN)?, &repository::tier(name)).await?;
    row.ok_or_else(provisioning::unknown_tier)
}
