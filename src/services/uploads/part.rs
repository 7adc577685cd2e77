//! Stores one part: the hot path (docs/uploads.md, The chunk path). One request to the store and one message to the session.

use crate::auth::receipt::Receipt;
use crate::auth::upload_token::UploadClaims;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::problem::Problem;
use crate::s3::error::StoreError;
use crate::s3::etag::unquote;
use crate::s3::operations::upload_part;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::send_body;
use crate::services::send_body::Refused;
use crate::services::uploads::{part_refused, recover, upload_gone};
use crate::uploads::part::Admitted;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Evidence, Part};
use crate::uploads::view::ChunkStored;

/// Sends `stream` as the part `admitted` to the store and records it. `edge` gets the duration, ms, and the store's refusal, and tells at which edge this is.
///
/// # Errors
/// 403, 409, 422; the store's; [`Problem::RecordFailed`] for a part that is stored and not recorded.
pub async fn store_part<I: Io>(
    call: &Request<I>,
    claims: &UploadClaims,
    admitted: Admitted,
    stream: I::Stream,
    edge: impl AsyncFnOnce(u64, Option<&StoreError>) -> String,
) -> Result<Reply, Problem> {
    let action = upload_part::upload_part(&claims.key, &claims.upload_id, admitted.part_number, admitted.payload());
    let started = call.now();
    let answer = send_body::send(call, &action, stream, admitted.size, admitted.sha256.as_ref()).await?;
    call.span("origin", started);
    let edge = edge(call.now().since(started), answer.as_ref().err().map(|refused| &refused.error)).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(refused) => return Err(part_refused::part_refused(call, claims, &admitted, &refused).await),
    };
    let etag = answer.header("etag");
    answer.discard();
    let Some(etag) = etag else {
        let error = StoreError { status: answer.status(), code: "NoETag".to_owned(), message: "an answer without ETag".to_owned() };
        return Err(part_refused::part_refused(call, claims, &admitted, &Refused { error, may_be_stored: true }).await);
    };
    let at = call.now();
    let part = Part {
        number: admitted.part_number,
        etag: unquote(&etag).to_owned(),
        size: admitted.size,
        sha256: admitted.sha256,
        edge,
        at,
        evidence: Evidence::Seen,
        took_ms: Some(at.since(call.started)),
    };
    record(call, claims, &part).await?;
    let receipt = Receipt { session: claims.session, part_number: part.number, size: part.size, sha256: part.sha256.as_ref(), etag: &part.etag };
    Reply::json(
        200,
        &ChunkStored {
            part_number: part.number,
            etag: &part.etag,
            size: part.size,
            sha256: part.sha256.as_ref(),
            edge: &part.edge,
            receipt: receipt.seal(&call.config.token_keys).ok_or(Problem::Internal)?,
        },
    )
}

async fn record(call: &Request<impl Io>, claims: &UploadClaims, part: &Part) -> Result<(), Problem> {
    let started = call.now();
    let message = Message::Record { part: part.clone(), receipt: false };
    let reply = recover::send_or_recover(&call.io, &call.config, claims.account, claims.session, &message).await;
    call.span("record", started);
    match reply {
        Ok(SessionReply::Done) => Ok(()),
        Ok(SessionReply::Suspended) => Err(Problem::Suspended),
        Ok(SessionReply::Closed { status }) => Err(Problem::UploadClosed { status: status.as_str() }),
        Ok(SessionReply::Unknown) => Err(upload_gone::closed_without_record(call, claims).await),
        _ => Err(Problem::RecordFailed),
    }
}
