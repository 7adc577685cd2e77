//! Routes of accounts and tiers.

pub mod browser_session;
pub mod change;
pub mod keys;
pub mod moving;
pub mod portal;
pub mod provision;
pub mod quota;
pub mod statement;
pub mod tiers;

use crate::access::caller::Caller;
use crate::http::json_body::MAX_BODY;
use crate::idempotency::repository::Slot;
use crate::problem::Problem;
use crate::worker::http::call::Routed;

/// Key of the idempotency record: the webhook-id of a signed call, else the Idempotency-Key.
async fn slot(call: &Routed) -> Result<Option<Slot>, Problem> {
    match &*call.caller {
        Caller::Webhook(Some(id)) => Ok(Some(Slot::Webhook { id: id.clone() })),
        _ => call.slot("webhook", &call.bytes(MAX_BODY).await?),
    }
}
