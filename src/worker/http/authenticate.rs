//! Principal calls: read from the request as its route's proof says, then paced. What each may reach is [`crate::access::authorize`]'s to say.

use std::rc::Rc;

use crate::access::authorize::{AuthScheme, may_enter};
use crate::access::caller::Caller;
use crate::access::routes::{Params, Route};
use crate::accounts::account::Account;
use crate::auth::file_token::FileClaims;
use crate::auth::playback_token::VideoClaims;
use crate::auth::rate_limit::WINDOW_SECONDS;
use crate::auth::upload_token::UploadClaims;
use crate::auth::webhook_signature::Signed;
use crate::auth::{api_key, upload_token, webhook_signature};
use crate::base::id::Id;
use crate::config::Config;
use crate::http::json_body::MAX_BODY;
use crate::ledger::message::{Message, Reply};
use crate::problem::{AuthFailure, Problem};
use crate::worker::clients::ledger;
use crate::worker::http::account_cache;
use crate::worker::http::call::{Call, Limited, Routed};
use crate::worker::platform::clock;

/// The caller of `route`, admitted: proof checked, pace kept.
///
/// # Errors
/// 401, 429; 411 and 413 for signed calls, whose body is part of the proof.
pub async fn admitted(call: &Call, route: &Route, params: &Params, config: &Config) -> Result<Caller, Problem> {
    let caller = match route.scheme {
        AuthScheme::None => Caller::Nobody,
        AuthScheme::Account => Caller::Account(account(call).await?),
        AuthScheme::TokenOrAccount => token_or_account(call, config).await?,
        AuthScheme::PathToken => path_token(call, params, config).await?,
        AuthScheme::VideoToken => {
            let token = params.get("token").unwrap_or_default();
            VideoClaims::open(token, &config.token_keys, clock::now()).map(Caller::Video).map_err(Problem::Unauthenticated)?
        }
        AuthScheme::Webhook => webhook(call, config).await?,
        AuthScheme::AccountOrWebhook if is_webhook(call, config) => webhook(call, config).await?,
        AuthScheme::Operator => operator(call, config)?,
        AuthScheme::OperatorOrAccount if is_operator(call, config) => Caller::Operator,
        AuthScheme::AccountOrWebhook | AuthScheme::OperatorOrAccount => Caller::Account(account(call).await?),
    };
    may_enter(route.scheme, &caller.principal()).map_err(Problem::Unauthenticated)?;
    if route.endpoint.is_paced() { paced(call, caller).await } else { Ok(caller) }
}

/// Counts the call against the account's requests per minute. The ledger also knows of a suspension before this isolate's memory does.
pub async fn paced(call: &Call, caller: Caller) -> Result<Caller, Problem> {
    let (account, limits) = match &caller {
        Caller::Account(account) => (account.id, Some(account.limits())),
        Caller::Token(claims) => (claims.account, None),
        _ => return Ok(caller),
    };
    let started = clock::now();
    let said = ledger::send(&call.env, account, &Message::Admit { limits }).await;
    call.span("ledger", started);
    let Reply::Paced { pace, suspended } = said? else { return Err(Problem::Internal) };
    call.limited.set(Some(Limited { policy: "account", window_seconds: WINDOW_SECONDS, pace }));
    if !pace.admitted {
        return Err(Problem::RateLimited { limit: pace.quota, retry_after: u32::try_from(pace.reset).unwrap_or(u32::MAX) });
    }
    call.suspended.set(suspended);
    Ok(match caller {
        Caller::Account(account) if suspended == account.must_be_active().is_ok() => {
            let status = if suspended { "suspended" } else { "active" };
            Caller::Account(Rc::new(Account { status: status.to_owned(), ..(*account).clone() }))
        }
        caller => caller,
    })
}

/// The account of the request's credentials.
///
/// # Errors
/// 401.
pub async fn account(call: &Call) -> Result<Rc<Account>, Problem> {
    let authorization = call.header("authorization");
    let presented = api_key::read_credentials(
        api_key::bearer(authorization.as_deref()),
        call.header("x-api-key").as_deref(),
        call.header("x-api-secret").as_deref(),
    )
    .map_err(Problem::Unauthenticated)?;
    account_cache::account(call, &presented).await
}

async fn token_or_account(call: &Call, config: &Config) -> Result<Caller, Problem> {
    let authorization = call.header("authorization");
    let bearer = api_key::bearer(authorization.as_deref()).filter(|text| upload_token::has_prefix(text));
    let header = call.header("x-upload-token").filter(|text| !text.trim().is_empty());
    match header.as_deref().or(bearer) {
        Some(text) => UploadClaims::open(text.trim(), &config.token_keys, clock::now())
            .map(|claims| Caller::Token(Box::new(claims)))
            .map_err(Problem::Unauthenticated),
        None => account(call).await.map(Caller::Account),
    }
}

async fn path_token(call: &Call, params: &Params, config: &Config) -> Result<Caller, Problem> {
    let segment = params.get("token").unwrap_or_default();
    if Id::parse(segment).is_some() {
        return account(call).await.map(Caller::Account);
    }
    FileClaims::open(segment, &config.token_keys, clock::now()).map(Caller::File).map_err(Problem::Unauthenticated)
}

fn is_webhook(call: &Call, config: &Config) -> bool {
    let authorization = call.header("authorization");
    // A bearer that looks like one of theirs but is none is refused as theirs.
    let bearer = |token: &str| token.starts_with("whsec_") || webhook_signature::is_bearer(token, &config.webhook_secrets);
    call.header("webhook-id").is_some() || api_key::bearer(authorization.as_deref()).is_some_and(bearer)
}

pub async fn webhook(call: &Call, config: &Config) -> Result<Caller, Problem> {
    let (id, timestamp, signature) = (call.header("webhook-id"), call.header("webhook-timestamp"), call.header("webhook-signature"));
    let signed = Signed::read(id.as_deref(), timestamp.as_deref(), signature.as_deref(), clock::now()).map_err(Problem::Unauthenticated)?;
    let Some(signed) = signed else {
        let authorization = call.header("authorization");
        let token = api_key::bearer(authorization.as_deref()).ok_or(Problem::Unauthenticated(AuthFailure::Missing))?;
        let known =
            webhook_signature::is_bearer(token, &config.webhook_secrets) && id.as_deref().is_none_or(|id| webhook_signature::is_id(id.trim()));
        let id = id.map(|id| id.trim().to_owned());
        return if known { Ok(Caller::Webhook(id)) } else { Err(Problem::Unauthenticated(AuthFailure::Invalid)) };
    };
    // These have no body and no Content-Length.
    let body = if matches!(call.request.method().as_str(), "GET" | "HEAD") { Rc::from([]) } else { call.bytes(MAX_BODY).await? };
    let right = signed.verify(&config.webhook_secrets, &body);
    if right { Ok(Caller::Webhook(Some(signed.id))) } else { Err(Problem::Unauthenticated(AuthFailure::Invalid)) }
}

pub fn operator(call: &Call, config: &Config) -> Result<Caller, Problem> {
    if is_operator(call, config) { Ok(Caller::Operator) } else { Err(Problem::Unauthenticated(AuthFailure::Invalid)) }
}

/// Whether the operator calls.
pub fn is_operator(call: &Call, config: &Config) -> bool {
    let authorization = call.header("authorization");
    api_key::bearer(authorization.as_deref()).is_some_and(|token| config.is_operator(token))
}

impl Routed {
    /// The calling account, where an upload token is not enough: the credentials may have come beside it.
    ///
    /// # Errors
    /// 401.
    pub async fn account_beside_token(&self) -> Result<Rc<Account>, Problem> {
        match &*self.caller {
            Caller::Account(account) => Ok(Rc::clone(account)),
            // It is the account that acts, so it is the account that is paced.
            _ => match paced(self, Caller::Account(account(self).await?)).await? {
                Caller::Account(account) => Ok(account),
                _ => Err(Problem::Internal),
            },
        }
    }
}
