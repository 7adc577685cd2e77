//! Authentication: reads the caller from the request by the route's [`AuthScheme`], then applies the account's rate limit. Authorisation is in
//! [`crate::access::authorize`].

use std::rc::Rc;

use crate::access::authorize::{AuthScheme, may_enter};
use crate::access::caller::Caller;
use crate::access::routes::{Params, RateLimit, Route};
use crate::accounts::account::Account;
use crate::auth::file_token::FileClaims;
use crate::auth::playback_token::VideoClaims;
use crate::auth::rate_limit::WINDOW_SECONDS;
use crate::auth::upload_token::UploadClaims;
use crate::auth::webhook_signature::Signed;
use crate::auth::{api_key, upload_token, webhook_signature};
use crate::base::id::Id;
use crate::base::memory_budget::Owner;
use crate::clients::ledger;
use crate::config::Config;
use crate::http::json_body::MAX_BODY;
use crate::io::Io;
use crate::ledger::message::{Message, Reply};
use crate::problem::{AuthFailure, Problem};
use crate::worker::http::call::{AppliedLimit, Call, Routed};
use crate::worker::http::{account_cache, address_limit, browser_session, session_limit};
use crate::worker::platform::clock;

/// The caller of `route`, authenticated and within its rate limit.
///
/// # Errors
/// 401, 429; 411 and 413 for signed calls, because the signature covers the body. A signature proves a POST only: a GET takes the bearer.
pub async fn authenticate(call: &Call, route: &Route, params: &Params, config: &Config) -> Result<Caller, Problem> {
    let caller = match browser_session::caller(call, route, params, config).await? {
        Some(caller) => caller,
        None => by_header_or_path(call, route, params, config).await?,
    };
    may_enter(route.scheme, &caller.principal()).map_err(Problem::Unauthenticated)?;
    call.owner.set(match &caller {
        Caller::Account(account) => Owner::Account(account.id),
        Caller::Token(claims) => Owner::Account(claims.account),
        Caller::Webhook(_) | Caller::Operator => Owner::Service,
        Caller::Nobody | Caller::File(_) | Caller::Video(_) => Owner::Unproven,
    });
    apply_rate_limit(call, caller, route.endpoint.rate_limit()).await
}

async fn by_header_or_path(call: &Call, route: &Route, params: &Params, config: &Config) -> Result<Caller, Problem> {
    Ok(match route.scheme {
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
        AuthScheme::OperatorOrAccount if call.is_operator(config) => Caller::Operator,
        AuthScheme::AccountOrWebhook | AuthScheme::OperatorOrAccount => Caller::Account(account(call).await?),
    })
}

async fn apply_rate_limit(call: &Call, caller: Caller, limit: RateLimit) -> Result<Caller, Problem> {
    match (&caller, limit) {
        (_, RateLimit::None) => Ok(caller),
        (Caller::Account(account), _) => admit(call, account, limit == RateLimit::VideoFiles).await.map(Caller::Account),
        (Caller::Token(claims), _) => {
            session_limit::admit(call, claims.session)?;
            let started = clock::now();
            let figures = ledger::usage(&call.io, claims.account, &Message::Usage { limits: None }).await;
            call.io.span("ledger", started);
            call.suspended.set(figures?.limits.suspended);
            Ok(caller)
        }
        _ => Ok(caller),
    }
}

/// Counts the call against the account's requests per minute, or video files per minute. The ledger's reply also has the current suspension, which the
/// isolate's account cache may not have yet.
async fn admit(call: &Call, account: &Rc<Account>, video_file: bool) -> Result<Rc<Account>, Problem> {
    let started = clock::now();
    let reply = ledger::send_of(&call.io, account, &Message::Admit { limits: Some(account.limits()), video_file }).await;
    call.io.span("ledger", started);
    let Reply::Paced { pace, suspended } = reply? else { return Err(Problem::Internal) };
    let policy = if video_file { "video" } else { "account" };
    call.limited.set(Some(AppliedLimit { policy, window_seconds: WINDOW_SECONDS, pace }));
    if !pace.admitted {
        return Err(Problem::RateLimited { limit: pace.quota, retry_after: u32::try_from(pace.reset).unwrap_or(u32::MAX) });
    }
    if suspended == account.must_be_active().is_ok() {
        let status = if suspended { "suspended" } else { "active" };
        return Ok(Rc::new(Account { status: status.to_owned(), ..(**account).clone() }));
    }
    Ok(Rc::clone(account))
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
    // A bearer with the prefix of a webhook secret that is not configured is refused as a webhook, not as an account.
    let bearer = |token: &str| token.starts_with("whsec_") || webhook_signature::is_bearer(token, &config.webhook_secrets);
    call.header("webhook-id").is_some() || api_key::bearer(authorization.as_deref()).is_some_and(bearer)
}

/// The identity backend, by signature or by bearer secret (docs/api.md, Webhook caller).
///
/// # Errors
/// 401; 411 and 413 for signed bodies.
pub async fn webhook(call: &Call, config: &Config) -> Result<Caller, Problem> {
    let (id, timestamp, signature) = (call.header("webhook-id"), call.header("webhook-timestamp"), call.header("webhook-signature"));
    let signed = Signed::read(id.as_deref(), timestamp.as_deref(), signature.as_deref(), clock::now()).map_err(Problem::Unauthenticated)?;
    let signed = signed.filter(|_| webhook_signature::proves(&call.request.method()));
    let Some(signed) = signed else {
        let authorization = call.header("authorization");
        let token = api_key::bearer(authorization.as_deref()).ok_or(Problem::Unauthenticated(AuthFailure::Missing))?;
        let valid =
            webhook_signature::is_bearer(token, &config.webhook_secrets) && id.as_deref().is_none_or(|id| webhook_signature::is_id(id.trim()));
        let id = id.map(|id| id.trim().to_owned());
        return if valid { Ok(Caller::Webhook(id)) } else { Err(Problem::Unauthenticated(AuthFailure::Invalid)) };
    };
    let verified = address_limit::attempt(call, async {
        let body = call.bytes(MAX_BODY).await?;
        if signed.verify(&config.webhook_secrets, &body) { Ok(()) } else { Err(Problem::Unauthenticated(AuthFailure::Invalid)) }
    });
    verified.await.map(|()| Caller::Webhook(Some(signed.id.clone())))
}

/// The operator.
///
/// # Errors
/// 401.
pub fn operator(call: &Call, config: &Config) -> Result<Caller, Problem> {
    if call.is_operator(config) { Ok(Caller::Operator) } else { Err(Problem::Unauthenticated(AuthFailure::Invalid)) }
}

impl Routed {
    /// The calling account, where an upload token is not enough: the request may carry the account's credentials beside the token.
    ///
    /// # Errors
    /// 401.
    pub async fn account_beside_token(&self) -> Result<Rc<Account>, Problem> {
        match &*self.caller {
            Caller::Account(account) => Ok(Rc::clone(account)),
            // The call acts for the account, so it counts against the account's rate limit.
            _ => admit(self, &account(self).await?, false).await,
        }
    }
}
