//! Authorisation, as pure functions over the route table: which principal may call which route, and which resources it finds there.
//!
//! A route's [`AuthScheme`] says which principals may call it; its [`ResourceKind`]s say which kinds of resources a request may name.
//!
//! Architecture invariant: a resource is looked up only by the statement that [`find_statement`] returns, which finds only resources of the principal, so another
//! account's resource and an absent one give the same 404 (docs/accounts.md, Authorisation).

use crate::accounts::directory::Item;
use crate::base::id::{Id, Name};
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::problem::{AuthFailure, Problem};
use crate::{accounts, files, namespaces, uploads, video};

/// The credentials that a route requires (docs/api.md, Authentication).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthScheme {
    /// No credentials.
    None,
    /// An account.
    Account,
    /// An upload token, or an account.
    TokenOrAccount,
    /// The token in the path, or the account that owns the asset name there.
    PathToken,
    /// The video token in the path.
    VideoToken,
    /// The identity backend.
    Webhook,
    /// The identity backend for every account, or an account for itself.
    AccountOrWebhook,
    /// The operator.
    Operator,
    /// The operator for every account, or an account for itself.
    OperatorOrAccount,
}

/// A kind of resource that requests name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A file, by its id.
    Asset,
    /// A file of a video, by its path.
    VideoFile,
    /// An upload, by its session id or the origin's upload id.
    Session,
    /// A namespace, by its name.
    Namespace,
    /// An account, by the platform's user id.
    User,
}

/// The authenticated identity of a caller, reduced to what authorisation needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Not authenticated.
    Nobody,
    /// An account.
    Account(Id),
    /// The holder of an upload's token.
    Token {
        /// The upload.
        session: Id,
        /// The account that owns it.
        account: Id,
    },
    /// The holder of a content URL.
    File {
        /// The file.
        asset: Id,
        /// Its namespace.
        namespace: Name,
    },
    /// The holder of a playback URL.
    Video {
        /// Its namespace.
        namespace: Name,
        /// The video.
        video: Name,
    },
    /// The identity backend.
    Webhook,
    /// The operator.
    Operator,
}

/// Checks that `principal` may call a route of `scheme`.
///
/// # Errors
/// [`AuthFailure::Missing`].
pub fn may_enter(scheme: AuthScheme, principal: &Principal) -> Result<(), AuthFailure> {
    let allowed = match scheme {
        AuthScheme::None => true,
        AuthScheme::Account => matches!(principal, Principal::Account(_)),
        AuthScheme::TokenOrAccount => matches!(principal, Principal::Account(_) | Principal::Token { .. }),
        AuthScheme::PathToken => matches!(principal, Principal::Account(_) | Principal::File { .. }),
        AuthScheme::VideoToken => matches!(principal, Principal::Video { .. }),
        AuthScheme::Webhook => matches!(principal, Principal::Webhook),
        AuthScheme::AccountOrWebhook => matches!(principal, Principal::Account(_) | Principal::Webhook),
        AuthScheme::Operator => matches!(principal, Principal::Operator),
        AuthScheme::OperatorOrAccount => matches!(principal, Principal::Account(_) | Principal::Operator),
    };
    if allowed { Ok(()) } else { Err(AuthFailure::Missing) }
}

/// The statement that finds the resource called `name`, if `principal` may read it.
///
/// # Errors
/// 404 for a name that cannot be one of the principal's resources; 401 for another upload's token.
pub fn find_statement(kind: ResourceKind, principal: &Principal, name: &str) -> Result<Statement, Problem> {
    match (kind, principal) {
        (ResourceKind::Asset, Principal::Account(account)) => Ok(files::repository::reachable(id(name)?, *account)),
        (ResourceKind::Asset, Principal::File { asset, namespace }) => Ok(files::repository::in_namespace(*asset, namespace)),
        (ResourceKind::VideoFile, Principal::Video { namespace, video: id }) => Ok(video::repository::file(namespace, id, name)),
        (ResourceKind::Session, Principal::Account(account)) => Ok(match Id::parse(name) {
            Some(session) => uploads::repository::by_id(session, *account),
            None => uploads::repository::by_upload_id(name, *account),
        }),
        (ResourceKind::Session, Principal::Token { session, account }) if name == session.to_string() => {
            Ok(uploads::repository::by_id(*session, *account))
        }
        (ResourceKind::Session, Principal::Token { .. }) => Err(Problem::Unauthenticated(AuthFailure::OtherUpload)),
        (ResourceKind::Namespace, Principal::Account(account)) => Ok(namespaces::repository::of_member(*account, name)),
        (ResourceKind::Namespace, Principal::Operator) => Ok(namespaces::repository::by_name(name)),
        (ResourceKind::User, Principal::Webhook | Principal::Operator) => {
            Ok(accounts::repository::by_user(&Name::parse(name).ok_or(Problem::NotFound)?, EpochMs(0)))
        }
        _ => Err(Problem::NotFound),
    }
}

/// Whose database has what [`find_statement`] finds, `name` as a name; `None` for the first one.
pub fn home<'a>(kind: ResourceKind, principal: &'a Principal, name: Option<&'a Name>) -> Option<Item<'a>> {
    match (principal, kind) {
        (Principal::Account(account) | Principal::Token { account, .. }, _) => Some(Item::Account(*account)),
        (Principal::File { namespace, .. } | Principal::Video { namespace, .. }, _) => Some(Item::Namespace(namespace)),
        (_, ResourceKind::Namespace) => name.map(Item::Namespace),
        (_, ResourceKind::User) => name.map(Item::User),
        _ => None,
    }
}

fn id(name: &str) -> Result<Id, Problem> {
    Id::parse(name).ok_or(Problem::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_auth_scheme_admits_its_principals_only() {
        let (account, name) = (Id::from_random([1; 16]), Name::parse("n").unwrap());
        let principals = [
            Principal::Nobody,
            Principal::Account(account),
            Principal::Token { session: account, account },
            Principal::File { asset: account, namespace: name.clone() },
            Principal::Video { namespace: name.clone(), video: name },
            Principal::Webhook,
            Principal::Operator,
        ];
        for (scheme, admitted) in [
            (AuthScheme::None, [true; 7]),
            (AuthScheme::Account, [false, true, false, false, false, false, false]),
            (AuthScheme::TokenOrAccount, [false, true, true, false, false, false, false]),
            (AuthScheme::PathToken, [false, true, false, true, false, false, false]),
            (AuthScheme::VideoToken, [false, false, false, false, true, false, false]),
            (AuthScheme::Webhook, [false, false, false, false, false, true, false]),
            (AuthScheme::AccountOrWebhook, [false, true, false, false, false, true, false]),
            (AuthScheme::Operator, [false, false, false, false, false, false, true]),
            (AuthScheme::OperatorOrAccount, [false, true, false, false, false, false, true]),
        ] {
            assert_eq!(principals.each_ref().map(|principal| may_enter(scheme, principal).is_ok()), admitted, "{scheme:?}");
        }
    }
}
