//! `POST /api/cache/set` and `POST /api/cache/get`: the exact cache of models' responses.

use std::rc::Rc;

use serde_json::json;

use crate::access::membership::may_change;
use crate::clients::ledger;
use crate::http::json_body::{JsonText, MAX_CACHE_BODY};
use crate::namespaces::role::Role;
use crate::problem::Problem;
use crate::response_cache::entry::{Head, answer, key};
use crate::response_cache::request::{Question, Set};
use crate::worker::content::{membership_cache, response_cache};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;

/// Of a body that is too large for its parts to be told apart.
const BODY_HINT: &str = "messages and response may have 1,000,000 bytes each.";

async fn body(call: &Routed) -> Result<Rc<[u8]>, Problem> {
    call.bytes(MAX_CACHE_BODY).await.map_err(|problem| match problem {
        Problem::BodyTooLarge { limit, .. } => Problem::BodyTooLarge { limit, hint: BODY_HINT },
        other => other,
    })
}

/// Stores a response. In a shared namespace a member replaces its own, a manager everybody's.
pub async fn set(call: &Routed) -> Result<Reply, Problem> {
    let body = body(call).await?;
    let text = JsonText::check(&body)?;
    let Set { question, response, ttl } = Set::read(&text)?;
    let account = call.account()?;
    account.must_be_active()?;
    let known = membership_cache::find(call, &account, question.namespace).await?;
    let key = key(&known.namespace, known.generation, &question.hash);
    if known.role != Role::Manager {
        may_change(known.role, account.id, response_cache::owner(call, &key).await)?;
    }
    let bytes = u64::try_from(response.len()).map_err(|_| Problem::Internal)?;
    let head = Head { by: account.id, bytes, until: clock::now().plus(ttl.saturating_mul(1000)) };
    // Counted before it is there: what is refused by KV counts until it would have expired.
    ledger::keep_response(&call.io, &account, bytes, head.until, call.config.response_cache_bytes).await?;
    response_cache::write(call, &key, head, response.as_bytes(), ttl).await?;
    Reply::json(200, &json!({ "stored": true, "expires_at": head.until.rfc3339(), "latency_ms": clock::now().since(call.started) }))
}

/// Finds a response.
pub async fn get(call: &Routed) -> Result<Reply, Problem> {
    let question = Question::read(&JsonText::check(&body(call).await?)?)?;
    let account = call.account()?;
    account.must_be_active()?;
    let known = membership_cache::find(call, &account, question.namespace).await?;
    let response = response_cache::read(call, &key(&known.namespace, known.generation, &question.hash)).await?;
    Ok(Reply::json_bytes(200, &answer(response.as_deref(), clock::now().since(call.started))))
}
