//! `POST /api/webhooks/echo`: a webhook caller learns whether its calls arrive and are believed. Nothing is kept, also not its `webhook-id`.

use crate::auth::webhook_echo::Echo;
use crate::http::json_body::MAX_BODY;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;

/// Tells the caller of its own call.
pub async fn echo(call: &Routed) -> Result<Reply, Problem> {
    let body = call.bytes(MAX_BODY).await?;
    let (signature, timestamp) = (call.header("webhook-signature"), call.header("webhook-timestamp"));
    Reply::json(200, &Echo::of(&body, signature.as_deref(), timestamp.as_deref(), clock::now()))
}
