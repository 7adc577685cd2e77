//! `GET /api/jetty/cache-chunk` and `GET /api/jetty/sessions`: what is there, so that the rest can be sent.

use serde_json::json;

use super::super::request::check_session;
use super::super::session::{Message, Meta, Part, Reply as Said, Status};
use super::super::view::{SessionView, progress};
use super::super::{ending, link, store};
use super::track::upload_token;
use crate::http::auth::Caller;
use crate::http::call::Routed;
use crate::http::page::{self, Page};
use crate::http::proof::Reach;
use crate::http::reply::Reply;
use crate::ids::Id;
use crate::platform::origin::{self, Body};
use crate::platform::{bindings, clock, d1};
use crate::problem::{AuthFailure, Problem};
use crate::s3::actions;
use crate::s3::error::StoreError;
use crate::s3::xml::{self, ListedPart};
use crate::units::EpochMs;

/// `GET /api/jetty/cache-chunk?sessionId=[&reconcile=1]`
pub async fn cache_chunk(call: &Routed) -> Result<Reply, Problem> {
    let named = call.query("sessionId").ok_or_else(|| Problem::Invalid { field: "sessionId", detail: "is required".to_owned() })?;
    let reconcile = call.query("reconcile").as_deref() == Some("1");
    progress_of(call, check_session(&named)?, reconcile).await
}

/// The state of a session, for the holder of its token or its account.
pub async fn progress_of(call: &Routed, session: Id, reconcile: bool) -> Result<Reply, Problem> {
    match &*call.caller {
        Caller::Token(claims) if claims.session == session && call.suspended.get() => return Err(Problem::Suspended),
        Caller::Token(claims) if claims.session == session => {}
        Caller::Token(_) => return Err(Problem::Unauthenticated(AuthFailure::OtherUpload)),
        _ => {
            call.account()?.must_be_active()?;
            let _: store::SessionRow = call.own(Reach::Session, &session.to_string()).await?;
        }
    }
    let (mut meta, mut parts, mut expires) = state(link::tell(&call.env, session, &Message::Snapshot).await?)?;
    if reconcile && meta.status == Status::Uploading {
        let listed_at = clock::now();
        let next = match list_all_parts(call, &meta).await {
            Ok(listed) => Message::Reconcile { listed, listed_at },
            Err(error) if error.is_no_such_upload() => {
                super::gone_at_store(call, session).await?;
                Message::Snapshot
            }
            Err(error) => return Err(origin::problem("ListParts", &error)),
        };
        (meta, parts, expires) = state(link::tell(&call.env, session, &next).await?)?;
    }
    if meta.status == Status::Expired {
        // The history learns of it from whoever looks first.
        ending::forget(&call.env, &meta).await?;
    }
    let token = upload_token(call, &meta, expires)?;
    Reply::json(200, &progress(&meta, &parts, expires, token))
}

fn state(said: Said) -> Result<(Box<Meta>, Vec<Part>, EpochMs), Problem> {
    match said {
        Said::State { meta, parts, expires } => Ok((meta, parts, expires)),
        _ => Err(Problem::NotFound),
    }
}

/// Every part the store has of an upload.
pub async fn list_all_parts(call: &Routed, meta: &Meta) -> Result<Vec<ListedPart>, StoreError> {
    let mut parts = Vec::new();
    let mut marker = None;
    loop {
        let action = actions::list_parts(&meta.key, &meta.upload_id, marker);
        let body = origin::send(&call.config, &action, Body::Empty).await?.text().await?;
        let page = xml::list_parts(&body).map_err(|unreadable| StoreError::unreachable(unreadable.to_string()))?;
        let next = page.next();
        parts.extend(page.parts);
        // A marker that does not grow would loop for ever.
        match next {
            Some(number) if Some(number) > marker => marker = Some(number),
            _ => return Ok(parts),
        }
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
