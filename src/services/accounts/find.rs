//! Queries for the identity backend: accounts, tiers and idempotency records.

use crate::accounts::directory::Item;
use crate::accounts::provisioning::Record;
use crate::accounts::tier::Tier;
use crate::accounts::{provisioning, repository};
use crate::base::id::Name;
use crate::base::shard::{Access, Shard};
use crate::clients::{database, shards};
use crate::io::Io;
use crate::problem::Problem;
use crate::services::request::Request;

/// The current account of a user, to change it.
///
/// # Errors
/// [`Problem::AccountMoving`]; of D1.
pub async fn record(call: &Request<impl Io>, user: &Name) -> Result<Option<Record>, Problem> {
    shards::certainly_first_of(&call.io, Item::User(user), Access::Write, &repository::by_user(user, call.now())).await
}

/// The tier of that name.
pub async fn tier(call: &Request<impl Io>, name: &str) -> Result<Tier, Problem> {
    let row: Option<Tier> = database::first(&call.db(Shard::MAIN)?, &repository::tier(name)).await?;
    row.ok_or_else(provisioning::unknown_tier)
}
