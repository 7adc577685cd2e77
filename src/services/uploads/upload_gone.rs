//! What follows a NoSuchUpload from the store: the upload was aborted, or it was completed and the response was lost.

use crate::analytics::upload_count::Why;
use crate::auth::upload_token::UploadClaims;
use crate::base::id::Id;
use crate::clients::{database, shards};
use crate::clients::{session, store};
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::problem::Problem;
use crate::s3::error::StoreError;
use crate::s3::operations;
use crate::s3::operations::head_object::Description;
use crate::services::request::Request;
use crate::services::stored_object;
use crate::services::uploads::abort;
use crate::services::uploads::abort::Ended;
use crate::uploads::repository::{SessionRow, by_id};
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Meta, Status};

/// Ends a session whose upload does not exist at the store, so that no client waits for it or sends parts to it. If the upload was completed and only the
/// response was lost, the session stays open for `complete`. Returns the problem for the client.
pub async fn gone_at_store(call: &Request<impl Io>, session: Id) -> Result<Problem, Problem> {
    let SessionReply::State { meta, .. } = session::send(&call.io, session, &Message::Snapshot).await? else {
        return Ok(Problem::UploadClosed { status: Status::Failed.as_str() });
    };
    match meta.status {
        Status::Uploading => {}
        status => return Ok(Problem::UploadClosed { status: status.as_str() }),
    }
    if abort::settle_if_completed(&call.io, &meta).await? {
        return Ok(Problem::UploadClosed { status: "complete" });
    }
    let seen = find_object(call, &meta).await.map_err(|error| store::problem("HeadObject", &error))?;
    if seen.is_some_and(|seen| seen.size.is_none_or(|size| size == meta.file_size)) {
        return Ok(Problem::UploadClosed { status: Status::Completing.as_str() });
    }
    match session::send(&call.io, session, &Message::Fail).await? {
        SessionReply::State { meta, parts, .. } => {
            let held = call.clone();
            let status = meta.status.as_str();
            let ended = call.detached(async move { abort::abort_upload(&held.io, &held.config, &meta, &parts, Why::Store).await }).await;
            let status = if ended.unwrap_or(Err(Problem::Internal))? == Ended::Stored { Status::Complete.as_str() } else { status };
            Ok(Problem::UploadClosed { status })
        }
        SessionReply::Closed { status } => Ok(Problem::UploadClosed { status: status.as_str() }),
        _ => Ok(Problem::UploadClosed { status: Status::Completing.as_str() }),
    }
}

/// Whether ListParts also returns NoSuchUpload: a single wrong response must not fail a whole upload.
pub async fn is_gone(call: &Request<impl Io>, meta: &Meta) -> bool {
    let listing = store::send(&call.io, &call.config, &operations::list_parts::list_parts(&meta.key, &meta.upload_id, None), Body::Empty).await;
    match listing {
        Ok(answer) => {
            answer.discard();
            false
        }
        Err(error) => error.is_no_such_upload(),
    }
}

/// The object, if it exists.
///
/// # Errors
/// Errors of the store.
pub async fn find_object(call: &Request<impl Io>, meta: &Meta) -> Result<Option<Description>, StoreError> {
    stored_object::describe(&call.io, &call.config, &meta.key).await
}

/// The problem of an upload whose session has no record and is not open in D1 either: its record was deleted after the retention time. D1 knows how it ended.
pub async fn closed_without_record(call: &Request<impl Io>, claims: &UploadClaims) -> Problem {
    let row = async {
        let db = shards::of_account_to_read(&call.io, claims.account).await?;
        database::first::<SessionRow>(&db, &by_id(claims.session, claims.account)).await
    };
    match row.await {
        Ok(row) => {
            let complete = row.is_some_and(|row| row.status == Status::Complete.as_str());
            Problem::UploadClosed { status: if complete { Status::Complete } else { Status::Failed }.as_str() }
        }
        Err(problem) => problem,
    }
}
