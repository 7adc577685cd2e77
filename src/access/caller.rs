//! Principal calls, with what is known of the caller.

use std::rc::Rc;

use crate::access::authorize::Principal;
use crate::accounts::account::Account;
use crate::auth::file_token::FileClaims;
use crate::auth::playback_token::VideoClaims;
use crate::auth::upload_token::UploadClaims;

/// Principal calls, with what is known of them.
#[derive(Debug)]
pub enum Caller {
    /// Nobody in particular.
    Nobody,
    /// An account.
    Account(Rc<Account>),
    /// Holder of an upload token.
    Token(Box<UploadClaims>),
    /// Holder of a content URL.
    File(FileClaims),
    /// Holder of a playback URL.
    Video(VideoClaims),
    /// The identity backend; the `webhook-id`, if there is one.
    Webhook(Option<String>),
    /// The operator.
    Operator,
}

impl Caller {
    /// For authorisation.
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
