//! The authenticated caller with its account or token claims.

use std::rc::Rc;

use crate::access::authorize::Principal;
use crate::accounts::account::Account;
use crate::auth::file_token::FileClaims;
use crate::auth::playback_token::VideoClaims;
use crate::auth::upload_token::UploadClaims;

/// The authenticated caller of a request.
#[derive(Debug)]
pub enum Caller {
    /// Not authenticated.
    Nobody,
    /// An account.
    Account(Rc<Account>),
    /// Holder of an upload token.
    Token(Box<UploadClaims>),
    /// Holder of a content URL.
    File(FileClaims),
    /// Holder of a playback URL.
    Video(VideoClaims),
    /// The identity backend, with the `webhook-id` if the request has one.
    Webhook(Option<String>),
    /// The operator.
    Operator,
}

impl Caller {
    /// The identity that authorisation uses.
    pub fn principal(&self) -> Principal {
        match self {
            Caller::Nobody => Principal::Nobody,
            Caller::Account(account) => Principal::Account(account.id),
            Caller::Token(claims) => Principal::Token { session: claims.session, account: claims.account },
            Caller::File(claims) => Principal::File { asset: claims.asset, namespace: claims.namespace.clone() },
            Caller::Video(claims) => Principal::Video { namespace: claims.namespace.clone(), video: claims.video.clone() },
            Caller::Webhook(_) => Principal::Webhook,
            Caller::Operator => Principal::Operator,
        }
    }
}
