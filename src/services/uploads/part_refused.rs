//! What follows a part that the store refused, or whose answer was lost. A store may answer before it has read the body, and close: whether the runtime then gets
//! the answer, its head or nothing is a matter of chance. What the answer does not tell, the session and the store are asked before the client is told.

use crate::auth::upload_token::UploadClaims;
use crate::clients::store;
use crate::clients::store::ASK_TIMEOUT_MS;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::problem::Problem;
use crate::s3::error::StoreError;
use crate::s3::operations::list_parts;
use crate::services::request::Request;
use crate::services::send_body::Refused;
use crate::services::uploads::{recover, upload_gone};
use crate::uploads::part::Admitted;
use crate::uploads::session::message::{Message, SessionReply};

/// The problem for the client.
pub async fn part_refused(call: &Request<impl Io>, claims: &UploadClaims, part: &Admitted, refused: &Refused) -> Problem {
    let error = &refused.error;
    let failed = Message::PartFailed { number: part.part_number, sha256: part.sha256.clone(), may_be_stored: refused.may_be_stored };
    match recover::send_or_recover(&call.io, &call.config, claims.account, claims.session, &failed).await {
        Ok(SessionReply::Closed { status }) => return Problem::UploadClosed { status: status.as_str() },
        Ok(SessionReply::Unknown) => return upload_gone::closed_without_record(call, claims).await,
        Ok(SessionReply::Suspended) => return Problem::Suspended,
        // The store's own answer is left.
        _ => {}
    }
    if error.is_no_such_upload() {
        return gone(call, claims).await;
    }
    if !error.tells_no_reason() {
        return store::problem_of_bytes("UploadPart", error);
    }
    let listing = list_parts::list_parts(&claims.key, &claims.upload_id, None);
    let asked = store::send_within(&call.io, &call.config, &listing, Body::Empty, ASK_TIMEOUT_MS).await.map(|answer| answer.discard());
    if asked.as_ref().is_err_and(StoreError::is_no_such_upload) {
        return gone(call, claims).await;
    }
    store::problem_after_asking("UploadPart", error, &asked)
}

async fn gone(call: &Request<impl Io>, claims: &UploadClaims) -> Problem {
    upload_gone::gone_at_store(call, claims.session).await.unwrap_or_else(|problem| problem)
}
