//! `GET /api/jetty/cache-chunk` and `GET /api/jetty/sessions`: what is there, so that the rest can be sent.

use serde_json::json;

use super::super::request::{Sample, check_session};
use super::super::session::{Message, Meta, Part, Reply as Said, Status};
use super::super::token::UploadClaims;
use super::super::view::{SessionView, progress};
use super::super::{ending, listing, reopening, store};
use super::track::upload_token;
use crate::http::auth::Caller;
use crate::http::call::Routed;
use crate::http::page::{self, Page};
use crate::http::proof::Reach;
use crate::http::reply::Reply;
use crate::ids::Id;
use crate::platform::{bindings, clock, d1, origin};
use crate::problem::{AuthFailure, Problem};
use crate::steering::metrics::gather;
use crate::units::EpochMs;

/// `GET /api/jetty/cache-chunk?sessionId=[&reconcile=1]`
pub async fn cache_chunk(call: &Routed) -> Result<Reply, Problem> {
    let named = call.query("sessionId").ok_or_else(|| Problem::Invalid { field: "sessionId", detail: "is required".to_owned() })?;
    let reconcile = call.query("reconcile").as_deref() == Some("1");
    progress_of(call, check_session(&named)?, reconcile, &[]).await
}

/// What a token for that upload says, for the holder of one and for its account.
///
/// # Errors
/// 401 for another upload's token, 404.
pub async fn upload_of(call: &Routed, session: Id) -> Result<UploadClaims, Problem> {
    match &*call.caller {
        Caller::Token(claims) if claims.session == session => Ok((**claims).clone()),
        Caller::Token(_) => Err(Problem::Unauthenticated(AuthFailure::OtherUpload)),
        _ => {
            let row: store::SessionRow = call.own(Reach::Session, &session.to_string()).await?;
            Ok(row.claims(clock::now()))
        }
    }
}

/// Whether the caller's account is not suspended.
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

/// The state of a session, for the holder of its token or its account; what that one measured of edges is gathered.
pub async fn progress_of(call: &Routed, session: Id, reconcile: bool, samples: &[Sample]) -> Result<Reply, Problem> {
    let upload = upload_of(call, session).await?;
    must_be_active(call)?;
    if !samples.is_empty() {
        gather::from_client(call, upload.account, samples).await;
    }
    let tell = |message| async move { state(reopening::tell(&call.env, &call.config, upload.account, session, &message).await?) };
    let (mut meta, mut parts, mut expires) = tell(Message::Snapshot).await?;
    if reconcile && meta.status == Status::Uploading {
        let listed_at = clock::now();
        let next = match listing::all_parts(&call.config, &meta).await {
            Ok(listed) => Message::Reconcile { listed, listed_at },
            Err(error) if error.is_no_such_upload() => {
                super::gone_at_store(call, session).await?;
                Message::Snapshot
            }
            Err(error) => return Err(origin::problem("ListParts", &error)),
        };
        (meta, parts, expires) = tell(next).await?;
    }
    if meta.status == Status::Expired && !meta.taken_back {
        // Whoever looks first need not wait for the alarm. What fails of this, it does.
        let (held, ended) = (call.clone(), meta.clone());
        let _ = call.to_the_end(async move { ending::give_up(&held.env, &held.config, &ended).await }).await;
    }
    let token = upload_token(call, &meta)?;
    Reply::json(200, &progress(&meta, &parts, expires, token))
}

/// A session's state.
///
/// # Errors
/// 404.
pub fn state(said: Said) -> Result<(Box<Meta>, Vec<Part>, EpochMs), Problem> {
    match said {
        Said::State { meta, parts, expires } => Ok((meta, parts, expires)),
        _ => Err(Problem::NotFound),
    }
}

/// `GET /api/jetty/sessions?status=open[&limit=][&cursor=]`
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let status = call.query("status").unwrap_or_else(|| "open".to_owned());
    if !matches!(status.as_str(), "open" | "complete" | "failed" | "expired") {
        return Err(Problem::Invalid { field: "status", detail: "must be open, complete, failed or expired".to_owned() });
    }
    let Page { cursor, limit } = Page::read(call.query("cursor").as_deref(), call.query("limit").as_deref())?;
    account.must_be_active()?;
    let rows: Vec<store::SessionRow> =
        d1::all(&bindings::db(&call.env)?, &store::of_account(account.id, &status, cursor, limit.saturating_add(1))).await?;
    let (rows, cursor) = page::cut(rows, limit, |row| (row.created_at, row.id));
    let sessions: Vec<_> = rows.iter().map(SessionView::from).collect();
    Reply::json(200, &json!({ "sessions": sessions, "cursor": cursor }))
}
