//! `GET /api/jetty/cache-chunk` and `GET /api/jetty/sessions`: recorded and missing parts, for resuming an upload.

use serde_json::json;

use crate::clients::{database, shards};
use crate::http::pagination;
use crate::http::pagination::Page;
use crate::http::validate::check_session;
use crate::io::database::Database;
use crate::problem::Problem;
use crate::services::uploads::progress;
use crate::uploads::repository;
use crate::uploads::view::SessionView;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// `GET /api/jetty/cache-chunk?sessionId=[&reconcile=1]`
pub async fn cache_chunk(call: &Routed) -> Result<Reply, Problem> {
    let named = call.query("sessionId").ok_or_else(|| Problem::invalid("sessionId", "is required"))?;
    let reconcile = call.query("reconcile").as_deref() == Some("1");
    let upload = progress::readable(&call.service, check_session(&named)?).await?;
    progress::progress_of(&call.service, &upload, reconcile).await.map(Reply::from)
}

/// `GET /api/jetty/sessions?status=open[&limit=][&cursor=]`
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let status = call.query("status").unwrap_or_else(|| "open".to_owned());
    if !matches!(status.as_str(), "open" | "complete" | "failed" | "expired") {
        return Err(Problem::invalid("status", "must be open, complete, failed or expired"));
    }
    let Page { cursor, limit } = Page::read(call.query("cursor").as_deref(), call.query("limit").as_deref())?;
    account.must_be_active()?;
    let db = shards::of_account_to_read(&call.io, account.id).await?.nearest_if(cursor.is_some());
    let rows: Vec<repository::SessionRow> = database::all(&db, &repository::of_account(account.id, &status, cursor, limit.saturating_add(1))).await?;
    let (rows, cursor) = pagination::cut(rows, limit, |row| (row.created_at, row.id));
    let sessions: Vec<_> = rows.iter().map(SessionView::from).collect();
    Reply::json(200, &json!({ "sessions": sessions, "cursor": cursor }))
}
