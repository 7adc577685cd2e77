//! `/api/portal/keys`: an account's own keys.

use serde_json::json;

use crate::accounts::provisioning::OwnRotation;
use crate::http::json_body::MAX_BODY;
use crate::io::Io;
use crate::problem::Problem;
use crate::services::accounts::keys;
use crate::worker::http::browser_session::evict;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Lists them.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    Reply::json(200, &json!({ "keys": keys::list(&call.service, &*call.account()?).await? }))
}

/// Replaces the current one. The call runs to its end also if the client hangs up, whose old key would end with nobody knowing the new one.
pub async fn rotate(call: &Routed) -> Result<Reply, Problem> {
    let overlap_ms = call.json::<OwnRotation>(MAX_BODY).await?.check()?;
    let (account, browser, held) = (call.account()?, call.browser_session.get(), call.service.clone());
    let rotated = call.io.detached(async move { keys::rotate(&held, &account, browser, overlap_ms).await }).await;
    if let Some(session) = browser {
        evict(session);
    }
    rotated.unwrap_or(Err(Problem::Internal)).map(Reply::from)
}
