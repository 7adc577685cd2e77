//! The caller whom a browser's cookie proves (docs/api.md, Browser).

use std::cell::RefCell;
use std::rc::Rc;

use crate::access::authorize::AuthScheme;
use crate::access::caller::Caller;
use crate::access::routes::{Params, Route};
use crate::accounts::browser_session::BrowserSession;
use crate::auth::browser_cookie::{self, BrowserClaims, Origin};
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::ttl_map::TtlMap;
use crate::config::Config;
use crate::problem::{AuthFailure, Problem};
use crate::services::accounts::browser_session;
use crate::worker::http::call::Call;
use crate::worker::http::{account_cache, address_limit};
use crate::worker::platform::clock;

/// Header fields of which each is a proof of its own, so that the cookie does not count.
const OTHER_PROOFS: [&str; 5] = ["authorization", "x-api-key", "x-api-secret", "x-upload-token", "webhook-id"];

/// Lifetime of an entry, ms (docs/api.md, Browser: an ended session may be accepted for up to 30 s elsewhere).
const TTL_MS: u64 = 30_000;

/// Maximum number of sessions.
const MAX_SESSIONS: usize = 1_000;

/// Estimated size of a session, bytes.
const SESSION_BYTES: usize = 600;

thread_local! {
    static SESSIONS: RefCell<TtlMap<Id, Rc<BrowserSession>>> = RefCell::new(TtlMap::new(MAX_SESSIONS, MAX_SESSIONS * SESSION_BYTES, |_, _| SESSION_BYTES));
}

/// Whether the route takes the cookie at all. A content URL has a token of its own, unless it names the file.
fn takes_cookie(scheme: AuthScheme, params: &Params) -> bool {
    match scheme {
        AuthScheme::None | AuthScheme::VideoToken | AuthScheme::Webhook => false,
        AuthScheme::PathToken => params.get("token").and_then(Id::parse).is_some(),
        AuthScheme::Account | AuthScheme::TokenOrAccount | AuthScheme::AccountOrWebhook | AuthScheme::Operator | AuthScheme::OperatorOrAccount => {
            true
        }
    }
}

/// The caller, if the request has a cookie that counts for its route.
///
/// # Errors
/// 401 for a cookie that is not or no longer good; 429 without a lookup for an address that has failed too often.
pub async fn caller(call: &Call, route: &Route, params: &Params, config: &Config) -> Result<Option<Caller>, Problem> {
    if !takes_cookie(route.scheme, params) {
        return Ok(None);
    }
    let Some(session) = session(call, config).await? else { return Ok(None) };
    let caller = if session.is_operators() {
        Caller::Operator
    } else {
        let key = Sha256Hex::parse(&session.proof).ok_or(Problem::Internal)?;
        Caller::Account(account_cache::of_session(call, &key).await?)
    };
    call.browser_session.set(Some(session.id));
    Ok(Some(caller))
}

/// Whether the request has the cookie of an operator.
///
/// # Errors
/// As [`caller`].
pub async fn is_operator(call: &Call, config: &Config) -> Result<bool, Problem> {
    Ok(session(call, config).await?.is_some_and(|session| session.is_operators()))
}

async fn session(call: &Call, config: &Config) -> Result<Option<Rc<BrowserSession>>, Problem> {
    let Some(field) = call.header("cookie") else { return Ok(None) };
    let Some(token) = browser_cookie::read(&field, &call.base) else { return Ok(None) };
    if OTHER_PROOFS.iter().any(|name| call.header(name).is_some()) {
        return Ok(None);
    }
    let (site, origin) = (call.header("sec-fetch-site"), call.header("origin"));
    let only_reads = matches!(call.request.method().as_str(), "GET" | "HEAD") && call.header("upgrade").is_none();
    if !(Origin { site: site.as_deref(), origin: origin.as_deref(), only_reads }).is_own(&call.base) {
        return Ok(None);
    }
    let now = clock::now();
    // One code for all: the page asks for credentials again, whatever ended the session.
    let refused = || Problem::Unauthenticated(AuthFailure::Invalid);
    let claims = BrowserClaims::open(token, &config.token_keys, now).map_err(|_| refused())?;
    if let Some(known) = SESSIONS.with_borrow(|sessions| sessions.get(&claims.session, now).map(Rc::clone)) {
        return Ok(Some(known));
    }
    let found = address_limit::attempt(call, async {
        let found = browser_session::find(&call.io, claims.session).await?;
        let current = found.filter(|found| !found.is_operators() || found.proof == config.operator_mark());
        current.ok_or_else(refused)
    });
    let found = Rc::new(found.await?);
    // The entry's age counts from the start of the query.
    let until = now.plus(TTL_MS).min(found.expires_at);
    SESSIONS.with_borrow_mut(|sessions| sessions.insert(found.id, Rc::clone(&found), until, clock::now()));
    Ok(Some(found))
}

/// Evicts a session that has ended or goes on with another key.
pub fn evict(session: Id) {
    SESSIONS.with_borrow_mut(|sessions| sessions.remove(&session));
}
