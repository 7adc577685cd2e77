//! Principal may enter which route, and what they reach there: the whole of authorisation, as pure functions over the route table.
//!
//! A route's [`AuthScheme`] says who may call it; its [`ResourceKind`]es say what kinds of things a caller may name in it. A thing is only ever looked up by the
//! statement that [`reach`] gives for caller and name, and that statement finds nothing that is not the caller's: "not yours" and "not there" are one.

use crate::base::id::{Id, Name};
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::problem::{AuthFailure, Problem};
use crate::{accounts, files, namespaces, uploads, video};

/// Principal may call (SPEC section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthScheme {
    /// Anybody.
    None,
    /// An account.
    Account,
    /// An upload token, or an account.
    TokenOrAccount,
    /// The token in the path, or the account that owns the asset named there.
    PathToken,
    /// The video token in the path.
    VideoToken,
    /// The identity backend.
    Webhook,
    /// The identity backend for anybody, or an account for itself.
    AccountOrWebhook,
    /// The operator.
    Operator,
    /// The operator for anybody, or an account for its own.
    OperatorOrAccount,
}

/// A kind of thing that requests name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A file, by its id.
    Asset,
    /// A file of a video, by its path.
    VideoFile,
    /// An upload, by its session id or the store's upload id.
    Session,
    /// A namespace, by its name.
    Namespace,
    /// An account, by the platform's user id.
    User,
}

/// Principal calls, as far as authorisation goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular.
    Nobody,
    /// An account.
    Account(Id),
    /// The holder of an upload's token.
    Token {
        /// The upload.
        session: Id,
        /// Whose it is.
        account: Id,
    },
    /// The holder of a content URL.
    File {
        /// The file.
        asset: Id,
        /// Where it lies.
        namespace: Name,
    },
    /// The holder of a playback URL.
    Video {
        /// Where it lies.
        namespace: Name,
        /// The video.
        video: Name,
    },
    /// The identity backend.
    Webhook,
    /// The operator.
    Operator,
}

/// Whether `who` may enter a route of that `scheme`.
///
/// # Errors
/// [`AuthFailure::Missing`].
pub fn may_enter(scheme: AuthScheme, who: &Principal) -> Result<(), AuthFailure> {
    let fine = match scheme {
        AuthScheme::None => true,
        AuthScheme::Account => matches!(who, Principal::Account(_)),
        AuthScheme::TokenOrAccount => matches!(who, Principal::Account(_) | Principal::Token { .. }),
        AuthScheme::PathToken => matches!(who, Principal::Account(_) | Principal::File { .. }),
        AuthScheme::VideoToken => matches!(who, Principal::Video { .. }),
        AuthScheme::Webhook => matches!(who, Principal::Webhook),
        AuthScheme::AccountOrWebhook => matches!(who, Principal::Account(_) | Principal::Webhook),
        AuthScheme::Operator => matches!(who, Principal::Operator),
        AuthScheme::OperatorOrAccount => matches!(who, Principal::Account(_) | Principal::Operator),
    };
    if fine { Ok(()) } else { Err(AuthFailure::Missing) }
}

/// The statement that finds the thing `named`, if it is `who`'s to see.
///
/// # Errors
/// 404 for what cannot be one of theirs; 401 for a token that is another upload's.
pub fn reach(reach: ResourceKind, who: &Principal, named: &str) -> Result<Statement, Problem> {
    match (reach, who) {
        (ResourceKind::Asset, Principal::Account(account)) => Ok(files::repository::owned(id(named)?, *account)),
        (ResourceKind::Asset, Principal::File { asset, namespace }) => Ok(files::repository::in_namespace(*asset, namespace)),
        (ResourceKind::VideoFile, Principal::Video { namespace, video: id }) => Ok(video::repository::file(namespace, id, named)),
        (ResourceKind::Session, Principal::Account(account)) => Ok(match Id::parse(named) {
            Some(session) => uploads::repository::by_id(session, *account),
            None => uploads::repository::by_upload_id(named, *account),
        }),
        (ResourceKind::Session, Principal::Token { session, account }) if named == session.to_string() => {
            Ok(uploads::repository::by_id(*session, *account))
        }
        (ResourceKind::Session, Principal::Token { .. }) => Err(Problem::Unauthenticated(AuthFailure::OtherUpload)),
        (ResourceKind::Namespace, Principal::Account(account)) => Ok(namespaces::repository::of_member(*account, named)),
        (ResourceKind::Namespace, Principal::Operator) => Ok(namespaces::repository::by_name(named)),
        (ResourceKind::User, Principal::Webhook | Principal::Operator) => {
            Ok(accounts::repository::by_user(&Name::parse(named).ok_or(Problem::NotFound)?, EpochMs(0)))
        }
        _ => Err(Problem::NotFound),
    }
}

fn id(named: &str) -> Result<Id, Problem> {
    Id::parse(named).ok_or(Problem::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proof_admits_its_callers_only() {
        let (account, name) = (Id::from_random([1; 16]), Name::parse("n").unwrap());
        let everyone = [
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
            assert_eq!(everyone.each_ref().map(|who| may_enter(scheme, who).is_ok()), admitted, "{scheme:?}");
        }
    }
}
