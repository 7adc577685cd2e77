//! `GET /api/portal/alerts`.

use crate::alerts::alert::Listed;
use crate::http::pagination::Page;
use crate::problem::Problem;
use crate::services::alerts::list;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Alerts that are open or were resolved, newest first.
pub async fn list(call: &Routed) -> Result<Reply, Problem> {
    let page = Page::read(call.query("cursor").as_deref(), call.query("limit").as_deref())?;
    let listed = Listed::parse(call.query("open").as_deref())?;
    list::list(&call.service, call.query("namespace").as_deref(), listed, &page).await.map(Reply::from)
}
