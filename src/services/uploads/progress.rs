//! The state of an upload, reconciled with the store's ListParts on request (docs/uploads.md, Resuming).

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::analytics::upload_count::Why;
use crate::auth::upload_token::UploadClaims;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::clients::store;
use crate::io::Io;
use crate::problem::{AuthFailure, Problem};
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::uploads::start::upload_token;
use crate::services::uploads::{abort, list_parts, recover, rights};
use crate::uploads::repository;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Meta, Part, Status};
use crate::uploads::view::progress;

/// The claims of an upload, for the holder of its token or its account.
///
/// # Errors
/// 401 for a token of another upload, 404.
pub async fn upload_of(call: &Request<impl Io>, session: Id) -> Result<UploadClaims, Problem> {
    match &*call.caller {
        Caller::Token(claims) if claims.session == session => Ok((**claims).clone()),
        Caller::Token(_) => Err(Problem::Unauthenticated(AuthFailure::OtherUpload)),
        _ => {
            let row: repository::SessionRow = call.find_owned(ResourceKind::Session, &session.to_string()).await?;
            Ok(row.claims(rights::generation(call), call.now()))
        }
    }
}

/// Checks that the caller's account is not suspended.
///
/// # Errors
/// [`Problem::Suspended`].
pub fn must_be_active(call: &Request<impl Io>) -> Result<(), Problem> {
    match &*call.caller {
        Caller::Account(account) => account.must_be_active(),
        _ if call.suspended => Err(Problem::Suspended),
        _ => Ok(()),
    }
}

/// The claims of an upload whose state the caller may read.
///
/// # Errors
/// As [`upload_of`]; 403 suspended, or without the right any more.
pub async fn readable(call: &Request<impl Io>, session: Id) -> Result<UploadClaims, Problem> {
    let upload = upload_of(call, session).await?;
    must_be_active(call)?;
    rights::check(call, &upload).await?;
    Ok(upload)
}

/// The state of the session of these claims, for whoever may read it.
///
/// # Errors
/// 404; the store's, if it is asked.
pub async fn progress_of(call: &Request<impl Io>, upload: &UploadClaims, reconcile: bool) -> Result<Reply, Problem> {
    let session = upload.session;
    let send = |message| async move { state(recover::send_or_recover(&call.io, &call.config, upload.account, session, &message).await?) };
    let (mut meta, mut parts, mut expires) = send(Message::Visit).await?;
    if reconcile && meta.status == Status::Uploading {
        let listed_at = call.now();
        let next = match list_parts::all_parts(&call.io, &call.config, &meta).await {
            Ok(listed) => Message::Reconcile { listed, listed_at },
            Err(error) if error.is_no_such_upload() => {
                crate::services::uploads::upload_gone::gone_at_store(call, session).await?;
                Message::Snapshot
            }
            Err(error) => return Err(store::problem("ListParts", &error)),
        };
        (meta, parts, expires) = send(next).await?;
    }
    if meta.status == Status::Expired && !meta.cleaned_up {
        // The clean-up starts without waiting for the alarm. If it fails, the alarm repeats it.
        let (held, ended, sent) = (call.clone(), meta.clone(), parts.clone());
        let _ = call.detached(async move { abort::abort_upload(&held.io, &held.config, &ended, &sent, Why::Job).await }).await;
    }
    let token = upload_token(call, &meta, upload.generation)?;
    Reply::json(200, &progress(&meta, &parts, expires, token))
}

/// Extracts the state from a session's reply.
///
/// # Errors
/// 404.
pub fn state(reply: SessionReply) -> Result<(Box<Meta>, Vec<Part>, EpochMs), Problem> {
    match reply {
        SessionReply::State { meta, parts, expires } => Ok((meta, parts, expires)),
        _ => Err(Problem::NotFound),
    }
}
