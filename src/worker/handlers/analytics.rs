//! `GET /api/portal/analytics`.

use crate::analytics::csv;
use crate::http::accept::prefers;
use crate::problem::Problem;
use crate::services::analytics;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Figures of a period as JSON, or its series as CSV.
pub async fn report(call: &Routed) -> Result<Reply, Problem> {
    let report = analytics::report(&call.service, call.query("period").as_deref(), call.query("namespace").as_deref()).await?;
    let mut reply = if prefers(call.header("accept").as_deref(), "text/csv") { Reply::csv(csv::series(&report)) } else { Reply::json(200, &report)? };
    reply.headers.push(("vary", "Accept".to_owned()));
    Ok(reply)
}
