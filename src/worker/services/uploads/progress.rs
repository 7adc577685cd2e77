//! The state of an upload, reconciled with the store's ListParts on request (docs/uploads.md, Resuming).

use crate::access::authorize::ResourceKind;
use crate::access::caller::Caller;
use crate::auth::upload_token::UploadClaims;
use crate::base::id::Id;
use crate::base::time::EpochMs;
use crate::edges::request::Sample;
use crate::problem::{AuthFailure, Problem};
use crate::uploads::repository;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Meta, Part, Status};
use crate::uploads::view::progress;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;
use crate::worker::platform::{clock, origin};
use crate::worker::services::edges::samples;
use crate::worker::services::uploads::start::upload_token;
use crate::worker::services::uploads::{abort, list_parts, recover, rights};

/// The claims of an upload, for the holder of its token or its account.
///
/// # Errors
/// 401 for a token of another upload, 404.
pub async fn upload_of(call: &Routed, session: Id) -> Result<UploadClaims, Problem> {
    match &*call.caller {
        Caller::Token(claims) if claims.session == session => Ok((**claims).clone()),
        Caller::Token(_) => Err(Problem::Unauthenticated(AuthFailure::OtherUpload)),
        _ => {
            let row: repository::SessionRow = call.find_owned(ResourceKind::Session, &session.to_string()).await?;
            Ok(row.claims(rights::generation(call), clock::now()))
        }
    }
}

/// Checks that the caller's account is not suspended.
///
/// # Errors
/// [`Problem::Suspended`].
pub fn must_be_active(call: &Routed) -> Result<(), Problem> {
    match &*call.caller {
        Caller::Account(account) => account.must_be_active(),
        _ if call.suspended.get() => Err(Problem::Suspended),
        _ => Ok(()),
    }
}

/// The state of a session, for the holder of its token or its account. The client's measurements of edges are recorded.
pub async fn progress_of(call: &Routed, session: Id, reconcile: bool, samples: &[Sample]) -> Result<Reply, Problem> {
    let upload = upload_of(call, session).await?;
    must_be_active(call)?;
    rights::check(call, &upload).await?;
    if !samples.is_empty() {
        samples::from_client(call, upload.account, samples).await;
    }
    let send = |message| async move { state(recover::send_or_recover(&call.env, &call.config, upload.account, session, &message).await?) };
    let (mut meta, mut parts, mut expires) = send(Message::Visit).await?;
    if reconcile && meta.status == Status::Uploading {
        let listed_at = clock::now();
        let next = match list_parts::all_parts(&call.config, &meta).await {
            Ok(listed) => Message::Reconcile { listed, listed_at },
            Err(error) if error.is_no_such_upload() => {
                crate::worker::services::uploads::upload_gone::gone_at_store(call, session).await?;
                Message::Snapshot
            }
            Err(error) => return Err(origin::problem("ListParts", &error)),
        };
        (meta, parts, expires) = send(next).await?;
    }
    if meta.status == Status::Expired && !meta.cleaned_up {
        // The clean-up starts without waiting for the alarm. If it fails, the alarm repeats it.
        let (held, ended) = (call.clone(), meta.clone());
        let _ = call.run_detached(async move { abort::abort_upload(&held.env, &held.config, &ended).await }).await;
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
