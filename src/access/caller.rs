//! Who calls, with what is known of the caller.

use std::rc::Rc;

use crate::access::authorize::Who;
use crate::accounts::account::Account;
use crate::auth::file_token::FileClaims;
use crate::auth::playback_token::VideoClaims;
use crate::auth::upload_token::UploadClaims;

/// Who calls, with what is known of them.
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
    pub fn who(&self) -> Who {
        match self {
            Caller::Nobody => Who::Nobody,
            Caller::Account(account) => Who::Account(account.id),
            Caller::Token(claims) => Who::Token { session: claims.session, account: claims.account },
            Caller::File(claims) => Who::File { asset: claims.asset, namespace: claims.namespace.clone() },
            Caller::Video(claims) => Who::Video { namespace: claims.namespace.clone(), video: claims.video.clone() },
            Caller::Webhook(_) => Who::Webhook,
            Caller::Operator => Who::Operator,
        }
    }
}
