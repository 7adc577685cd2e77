//! `/api/portal/session` and `/api/portal/sessions`: signing in with a browser, and out again.

use serde_json::json;

use crate::access::caller::Caller;
use crate::accounts::browser_session::{BrowserSessionView, SignedIn, owner};
use crate::auth::api_key;
use crate::auth::browser_cookie::{self, BrowserClaims, TTL_MS};
use crate::base::id::Id;
use crate::problem::{AuthFailure, Problem};
use crate::services::accounts::browser_session::{self, Browser};
use crate::worker::http::browser_session::evict;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::geo_hint;

/// What names the session that asks, in the place of its id.
const CURRENT: &str = "current";

fn owner_of(call: &Routed) -> String {
    match &*call.caller {
        Caller::Account(account) => owner(Some(account.id)),
        _ => owner(None),
    }
}

/// What the session is bound to: the key, or the operator's token. A cookie is no proof here, or a session could be prolonged for ever.
fn proof_of(call: &Routed) -> Result<String, Problem> {
    if call.browser_session.get().is_some() {
        return Err(Problem::Unauthenticated(AuthFailure::Missing));
    }
    if let Caller::Operator = &*call.caller {
        return Ok(call.config.operator_mark());
    }
    let authorization = call.header("authorization");
    let bearer = api_key::bearer(authorization.as_deref());
    let presented = api_key::read_credentials(bearer, call.header("x-api-key").as_deref(), call.header("x-api-secret").as_deref());
    Ok(presented.map_err(Problem::Unauthenticated)?.key_hash.as_str().to_owned())
}

/// Exchanges credentials for a cookie.
pub async fn sign_in(call: &Routed) -> Result<Reply, Problem> {
    let browser = Browser { user_agent: call.header("user-agent"), country: geo_hint::country_of(&call.request) };
    let session = browser_session::begin(&call.io, owner_of(call), proof_of(call)?, browser).await?;
    let cookie = BrowserClaims { session: session.id, expires: session.expires_at }.seal(&call.config.token_keys)?;
    let mut reply = Reply::json(201, &SignedIn { id: Some(session.id), expires_at: Some(session.expires_at.rfc3339()), ..who(call) })?;
    reply.headers.push(("set-cookie", browser_cookie::set(&call.base, &cookie, TTL_MS / 1000)));
    Ok(reply)
}

fn who(call: &Routed) -> SignedIn {
    let account = match &*call.caller {
        Caller::Account(account) => Some(account),
        _ => None,
    };
    SignedIn {
        id: call.browser_session.get(),
        kind: if account.is_some() { "account" } else { "operator" },
        agentcache_user_id: account.map(|account| account.agentcache_user_id.clone()),
        tier: account.map(|account| account.tier.tier.clone()),
        namespace: account.and_then(|account| account.own_namespace()),
        expires_at: None,
    }
}

/// Who is signed in.
pub async fn current(call: &Routed) -> Result<Reply, Problem> {
    let mut who = who(call);
    if let Some(id) = who.id {
        who.expires_at = browser_session::find(&call.io, id).await?.map(|session| session.expires_at.rfc3339());
    }
    Reply::json(200, &who)
}

/// The caller's sessions.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let current = call.browser_session.get();
    let sessions = browser_session::of_owner(&call.io, &owner_of(call)).await?;
    let views: Vec<BrowserSessionView> = sessions.iter().map(|session| BrowserSessionView::new(session, current)).collect();
    Reply::json(200, &json!({ "sessions": views }))
}

/// Ends one of the caller's sessions; `current` is the one that asks.
pub async fn sign_out(call: &Routed) -> Result<Reply, Problem> {
    let (named, current) = (call.params.get("session").unwrap_or_default(), call.browser_session.get());
    let session = if named == CURRENT { current } else { Id::parse(named) }.ok_or(Problem::NotFound)?;
    browser_session::end(&call.io, session, &owner_of(call)).await?;
    evict(session);
    let mut reply = Reply::empty(204);
    if current == Some(session) {
        reply.headers.push(("set-cookie", browser_cookie::set(&call.base, "", 0)));
    }
    Ok(reply)
}
