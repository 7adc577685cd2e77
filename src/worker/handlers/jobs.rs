//! `GET /api/portal/jobs`.

use crate::problem::Problem;
use crate::services::job_records;
use crate::worker::http::call::Routed;
use crate::worker::http::reply::Reply;

/// Jobs that wait, fail, or failed too often.
pub async fn jobs(call: &Routed) -> Result<Reply, Problem> {
    Reply::json(200, &job_records::report(&call.io).await?)
}
