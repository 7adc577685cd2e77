//! Who calls: an account (looked up), an upload token (not looked up), or the operator.

use std::rc::Rc;

use super::call::Routed;
use crate::accounts::access::Account;
use crate::accounts::{keys, lookup};
use crate::platform::clock;
use crate::problem::Problem;
use crate::upload::token::{self, UploadClaims};

/// A caller of a route that takes either proof.
pub enum Caller {
    /// Holder of an upload token.
    Token(Box<UploadClaims>),
    /// An account.
    Account(Rc<Account>),
}

/// The calling account.
///
/// # Errors
/// 401.
pub async fn account(call: &Routed) -> Result<Rc<Account>, Problem> {
    let authorization = call.header("authorization");
    let presented =
        keys::presented(keys::bearer(authorization.as_deref()), call.header("x-api-key").as_deref(), call.header("x-api-secret").as_deref())
            .map_err(Problem::Unauthenticated)?;
    let started = clock::now();
    let account = lookup::account(&call.env, &presented).await;
    call.span("auth", started);
    account
}

/// The holder of an upload token, or an account.
///
/// # Errors
/// 401.
pub async fn token_or_account(call: &Routed) -> Result<Caller, Problem> {
    let authorization = call.header("authorization");
    let bearer = keys::bearer(authorization.as_deref()).filter(|text| token::looks_like_one(text));
    let header = call.header("x-upload-token").filter(|text| !text.trim().is_empty());
    match header.as_deref().or(bearer) {
        Some(text) => UploadClaims::open(text.trim(), &call.config.token_keys, clock::now())
            .map(|claims| Caller::Token(Box::new(claims)))
            .map_err(Problem::Unauthenticated),
        None => account(call).await.map(Caller::Account),
    }
}

impl Caller {
    /// The account, where a token is not enough: the credentials may have come beside it.
    ///
    /// # Errors
    /// 401.
    pub async fn into_account(self, call: &Routed) -> Result<Rc<Account>, Problem> {
        match self {
            Caller::Account(account) => Ok(account),
            Caller::Token(_) => account(call).await,
        }
    }
}

/// Whether the operator calls.
pub fn is_operator(call: &Routed) -> bool {
    let authorization = call.header("authorization");
    keys::bearer(authorization.as_deref()).is_some_and(|token| call.config.is_operator(token))
}
