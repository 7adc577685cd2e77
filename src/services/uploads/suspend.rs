//! Propagates an account's suspension or resumption to its open uploads, so that it takes effect with the next part.

use serde::Deserialize;

use crate::base::id::Id;
use crate::clients::{database, ledger_records, session, shards};
use crate::io::Io;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::uploads;
use crate::uploads::session::message::Message;

/// Uploads per run: each costs a subrequest, of which a request has 1,000 (Cloudflare Workers documentation, "Limits").
const PAGE: u64 = 200;

/// Sends the account's current state to the uploads with ids after `cursor`; a job continues with the rest.
///
/// # Errors
/// [`Problem::Internal`]; the call can be repeated.
pub async fn propagate(io: &impl Io, account: Id, cursor: &str) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Row {
        id: Id,
    }
    let (suspended, as_of) = match ledger_records::limits(io, account).await {
        Ok(limits) => (limits.suspended, limits.version.0),
        // It was deleted meanwhile.
        Err(Problem::NotFound) => return Ok(()),
        Err(problem) => return Err(problem),
    };
    let page: Vec<Row> = database::all(&shards::of_account(io, account).await?, &uploads::repository::open_sessions(account, cursor, PAGE)).await?;
    let mut failed = None;
    for row in &page {
        failed = session::send(io, row.id, &Message::Suspend { suspended, as_of }).await.err().or(failed);
    }
    if let Some(problem) = failed {
        return Err(problem);
    }
    match page.last() {
        Some(row) if u64::try_from(page.len()).unwrap_or_default() == PAGE => {
            let job = Job::PropagateSuspension { account, cursor: row.id.to_string() };
            io.enqueue(&job, 0).await
        }
        _ => Ok(()),
    }
}
