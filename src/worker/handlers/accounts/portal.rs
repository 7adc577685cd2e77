//! `/api/portal/accounts` and `/api/portal/provisioning`: what operators see of accounts, and delete.

use serde_json::json;

use crate::access::authorize::ResourceKind;
use crate::accounts::provisioning::{AccountPatch, OwnRotation, Record, check_user};
use crate::base::id::{MAX_NAME, Name};
use crate::clients::shards;
use crate::http::json_body::MAX_BODY;
use crate::http::pagination;
use crate::io::Io;
use crate::problem::Problem;
use crate::services::accounts::{change, deletion, figures, list};
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Lists accounts by user id; with `q` those whose user ids begin with it.
pub async fn accounts(call: &Routed) -> Result<Reply, Problem> {
    let limit = pagination::limit(call.query("limit").as_deref())?;
    let prefix = call.query("q").unwrap_or_default();
    if prefix.len() > MAX_NAME {
        return Err(Problem::invalid("q", format!("must be the beginning of a user id, of at most {MAX_NAME} characters")));
    }
    let cursor = call.query("cursor").unwrap_or_default();
    if !cursor.is_empty() && Name::parse(&cursor).is_none() {
        return Err(Problem::invalid("cursor", "must be the cursor of a previous page"));
    }
    let (accounts, cursor) = list::page(&call.service, &cursor, &prefix, limit).await?;
    Reply::json(200, &json!({ "accounts": accounts, "cursor": cursor }))
}

fn user_of(call: &Routed) -> Result<Name, Problem> {
    check_user(call.params.get("user").unwrap_or_default())
}

/// One account.
pub async fn account(call: &Routed) -> Result<Reply, Problem> {
    shards::forget();
    let record: Record = call.service.find_owned(ResourceKind::User, user_of(call)?.as_str()).await?;
    Reply::json(200, &list::overview(&call.service, &record).await)
}

/// Begins to delete an account. The call runs to its end also if the client hangs up.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let (user, held) = (user_of(call)?, call.service.clone());
    let begun = call.io.detached(async move { deletion::begin(&held, &user).await }).await;
    begun.unwrap_or(Err(Problem::Internal)).map(Reply::from)
}

/// Changes an account's tier, suspends or resumes it. The call runs to its end also if the client hangs up.
pub async fn change(call: &Routed) -> Result<Reply, Problem> {
    let (user, wanted, held) = (user_of(call)?, call.json::<AccountPatch>(MAX_BODY).await?, call.service.clone());
    let changed = call.io.detached(async move { change::patch(&held, &user, &wanted).await }).await;
    changed.unwrap_or(Err(Problem::Internal)).map(Reply::from)
}

/// Issues new credentials; the old ones stay valid for the overlap. The call runs to its end also if the client hangs up.
pub async fn rotate(call: &Routed) -> Result<Reply, Problem> {
    let (user, overlap_ms, held) = (user_of(call)?, call.json::<OwnRotation>(MAX_BODY).await?.check()?, call.service.clone());
    let rotated = call.io.detached(async move { change::rotate(&held, &user, overlap_ms).await }).await;
    rotated.unwrap_or(Err(Problem::Internal)).map(Reply::from)
}

/// Figures of provisioning.
pub async fn provisioning(call: &Routed) -> Result<Reply, Problem> {
    Reply::json(200, &figures::report(&call.service, call.query("period").as_deref()).await?)
}
