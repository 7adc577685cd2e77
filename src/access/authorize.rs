//! Who may enter which route, and what they reach there: the whole of authorisation, as pure functions over the route table.
//!
//! A route's [`Proof`] says who may call it; its [`Reach`]es say what kinds of things a caller may name in it. A thing is only ever looked up by the
//! statement that [`reach`] gives for caller and name, and that statement finds nothing that is not the caller's: "not yours" and "not there" are one.

use crate::base::id::{Id, Name};
use crate::base::sql::Statement;
use crate::base::time::EpochMs;
use crate::problem::{AuthFailure, Problem};
use crate::{accounts, files, namespaces, uploads, video};

/// Who may call (SPEC section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
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
pub enum Reach {
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

/// Who calls, as far as authorisation goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
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

/// Whether `who` may enter a route that asks for `proof`.
///
/// # Errors
/// [`AuthFailure::Missing`].
pub fn may_enter(proof: Proof, who: &Who) -> Result<(), AuthFailure> {
    let fine = match proof {
        Proof::None => true,
        Proof::Account => matches!(who, Who::Account(_)),
        Proof::TokenOrAccount => matches!(who, Who::Account(_) | Who::Token { .. }),
        Proof::PathToken => matches!(who, Who::Account(_) | Who::File { .. }),
        Proof::VideoToken => matches!(who, Who::Video { .. }),
        Proof::Webhook => matches!(who, Who::Webhook),
        Proof::AccountOrWebhook => matches!(who, Who::Account(_) | Who::Webhook),
        Proof::Operator => matches!(who, Who::Operator),
        Proof::OperatorOrAccount => matches!(who, Who::Account(_) | Who::Operator),
    };
    if fine { Ok(()) } else { Err(AuthFailure::Missing) }
}

/// The statement that finds the thing `named`, if it is `who`'s to see.
///
/// # Errors
/// 404 for what cannot be one of theirs; 401 for a token that is another upload's.
pub fn reach(reach: Reach, who: &Who, named: &str) -> Result<Statement, Problem> {
    match (reach, who) {
        (Reach::Asset, Who::Account(account)) => Ok(files::repository::owned(id(named)?, *account)),
        (Reach::Asset, Who::File { asset, namespace }) => Ok(files::repository::in_namespace(*asset, namespace)),
        (Reach::VideoFile, Who::Video { namespace, video: id }) => Ok(video::repository::file(namespace, id, named)),
        (Reach::Session, Who::Account(account)) => Ok(match Id::parse(named) {
            Some(session) => uploads::repository::by_id(session, *account),
            None => uploads::repository::by_upload_id(named, *account),
        }),
        (Reach::Session, Who::Token { session, account }) if named == session.to_string() => Ok(uploads::repository::by_id(*session, *account)),
        (Reach::Session, Who::Token { .. }) => Err(Problem::Unauthenticated(AuthFailure::OtherUpload)),
        (Reach::Namespace, Who::Account(account)) => Ok(namespaces::repository::of_member(*account, named)),
        (Reach::Namespace, Who::Operator) => Ok(namespaces::repository::by_name(named)),
        (Reach::User, Who::Webhook | Who::Operator) => Ok(accounts::repository::by_user(&Name::parse(named).ok_or(Problem::NotFound)?, EpochMs(0))),
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
            Who::Nobody,
            Who::Account(account),
            Who::Token { session: account, account },
            Who::File { asset: account, namespace: name.clone() },
            Who::Video { namespace: name.clone(), video: name },
            Who::Webhook,
            Who::Operator,
        ];
        for (proof, admitted) in [
            (Proof::None, [true; 7]),
            (Proof::Account, [false, true, false, false, false, false, false]),
            (Proof::TokenOrAccount, [false, true, true, false, false, false, false]),
            (Proof::PathToken, [false, true, false, true, false, false, false]),
            (Proof::VideoToken, [false, false, false, false, true, false, false]),
            (Proof::Webhook, [false, false, false, false, false, true, false]),
            (Proof::AccountOrWebhook, [false, true, false, false, false, true, false]),
            (Proof::Operator, [false, false, false, false, false, false, true]),
            (Proof::OperatorOrAccount, [false, true, false, false, false, false, true]),
        ] {
            assert_eq!(everyone.each_ref().map(|who| may_enter(proof, who).is_ok()), admitted, "{proof:?}");
        }
    }
}
