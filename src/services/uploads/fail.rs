//! `fail`: aborts an upload.

use serde_json::json;

use crate::analytics::upload_count::Why;
use crate::io::Io;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::uploads::abort::Ended;
use crate::services::uploads::{abort, recover};
use crate::uploads::repository::SessionRow;
use crate::uploads::session::message::{Message, SessionReply};

/// Aborts an upload. Idempotent.
///
/// # Errors
/// 409 if it is complete, or being completed; 404; the store's.
pub async fn fail(call: &Request<impl Io>, row: &SessionRow) -> Result<Reply, Problem> {
    if row.status == "complete" {
        return Err(Problem::AlreadyComplete);
    }
    let session = row.id;
    let (meta, parts) = match recover::send_or_recover(&call.io, &call.config, row.account_id, session, &Message::Fail).await? {
        SessionReply::State { meta, parts, .. } => (meta, parts),
        SessionReply::Busy => return Err(Problem::CompletionRunning),
        SessionReply::Closed { .. } => return Err(Problem::AlreadyComplete),
        _ => return Err(Problem::NotFound),
    };
    let (held, status) = (call.clone(), meta.status);
    let ended = call.detached(async move { abort::abort_upload(&held.io, &held.config, &meta, &parts, Why::Client).await });
    if ended.await.unwrap_or(Err(Problem::Internal))? == Ended::Stored {
        return Err(Problem::AlreadyComplete);
    }
    Reply::json(200, &json!({ "sessionId": session, "status": status.as_str() }))
}
