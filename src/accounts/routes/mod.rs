//! The routes of accounts: for the identity backend, and for whoever asks what is left.

pub mod change;
pub mod provision;
pub mod quota;
pub mod tiers;

use super::provision::Record;
use super::tier::Tier;
use super::{provision as rules, store};
use crate::http::auth::Caller;
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::ids::Name;
use crate::platform::{bindings, clock, d1};
use crate::problem::Problem;
use crate::replay::keep;
use crate::replay::store::Slot;

/// What the first answer is kept under: the webhook-id of a signed call, else the Idempotency-Key.
async fn slot(call: &Routed) -> Result<Option<Slot>, Problem> {
    match &*call.caller {
        Caller::Webhook(Some(id)) => Ok(Some(Slot::Webhook { id: id.clone() })),
        _ => keep::slot(call, "webhook", &call.bytes(MAX_BODY).await?),
    }
}

/// The account of a user, as of now.
async fn record(call: &Routed, user: &Name) -> Result<Option<Record>, Problem> {
    d1::first(&bindings::db(&call.env)?, &store::by_user(user, clock::now())).await
}

async fn tier(call: &Routed, name: &str) -> Result<Tier, Problem> {
    let row: Option<Tier> = d1::first(&bindings::db(&call.env)?, &store::tier(name)).await?;
    row.ok_or_else(rules::unknown_tier)
}
