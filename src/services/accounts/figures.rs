//! Counts calls of provisioning, and tells how many there were.

use crate::analytics::period::Period;
use crate::analytics::provisioning::{Report, outcome, repository};
use crate::base::shard::Shard;
use crate::clients::database;
use crate::io::Io;
use crate::problem::Problem;
use crate::services::reply::Reply;
use crate::services::request::Request;

/// Counts a call by its answer, after that has left. A count that can not be written is lost.
pub fn count(call: &Request<impl Io>, answer: &Result<Reply, Problem>) {
    let ended = outcome(answer.as_ref().map(|reply| (reply.status, reply.replayed)).map_err(|problem| problem.kind().code));
    let (now, io) = (call.now(), call.io.clone());
    let statement = repository::count(ended, now.since(call.started), now);
    call.afterwards(async move {
        if let Ok(db) = io.db(Shard::MAIN) {
            let _ = database::batch(&db, &[statement]).await;
        }
    });
}

/// The calls of a period.
///
/// # Errors
/// 422 for a period that there is not.
pub async fn report(call: &Request<impl Io>, period: Option<&str>) -> Result<Report, Problem> {
    let period = Period::parse(period)?;
    let statement = repository::of_period(period.frame(call.now()).from);
    Ok(Report::of(period, &database::all(&call.db(Shard::MAIN)?, &statement).await?))
}
