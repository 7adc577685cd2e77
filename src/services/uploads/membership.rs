//! Ends the open uploads of an account that was taken out of a namespace (docs/uploads.md, "The end of a right").

use serde::Deserialize;

use crate::analytics::upload_count::Why;
use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::clients::{database, session, shards};
use crate::config::Config;
use crate::io::Io;
use crate::jobs;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::services::uploads::{abort, recover};
use crate::uploads::repository;
use crate::uploads::session::message::{Message, SessionReply};

/// Sessions that the request that removes the account closes itself: one call each.
const AT_ONCE: u64 = 200;

/// Uploads ended per job: each costs about six requests.
const PAGE: u64 = 50;

#[derive(Deserialize)]
struct Row {
    id: Id,
}

/// Closes the uploads to further parts at once; a job releases what they hold, and closes those beyond [`AT_ONCE`].
///
/// # Errors
/// [`Problem::Internal`].
pub async fn end_uploads(io: &impl Io, account: Id, namespace: &Name, until: EpochMs) -> Result<(), Problem> {
    let job = Job::EndMembership { account, namespace: namespace.clone(), until, cursor: String::new() };
    io.enqueue(&job, 0).await?;
    // An upload that is being started has no row yet, and its start may die before it looks.
    io.enqueue(&job, jobs::REQUEST_SECONDS).await?;
    let open: Vec<Row> =
        database::all(&shards::of_account(io, account).await?, &repository::open_in_namespace(account, namespace, until, "", AT_ONCE)).await?;
    for row in open {
        // If it fails, the error is logged in `objects`, and the job closes the session.
        let _ = session::send(io, row.id, &Message::Fail).await;
    }
    Ok(())
}

/// The job `end_membership`: ends some of the uploads after `cursor` and enqueues the rest.
///
/// # Errors
/// Errors of D1 and the sessions; [`Problem::CompletionRunning`] while one of them is being completed. The job is repeated.
pub async fn end_page(io: &impl Io, config: &Config, account: Id, namespace: &Name, until: EpochMs, cursor: &str) -> Result<(), Problem> {
    let page: Vec<Row> =
        database::all(&shards::of_account(io, account).await?, &repository::open_in_namespace(account, namespace, until, cursor, PAGE)).await?;
    let mut failed = None;
    for row in &page {
        failed = end(io, config, account, row.id).await.err().or(failed);
    }
    // Before the next page is enqueued: a repeated job would enqueue it again.
    failed.map_or(Ok(()), Err)?;
    match page.last() {
        Some(last) if u64::try_from(page.len()).unwrap_or_default() == PAGE => {
            let job = Job::EndMembership { account, namespace: namespace.clone(), until, cursor: last.id.to_string() };
            io.enqueue(&job, 0).await
        }
        _ => Ok(()),
    }
}

/// Ends an upload: closes its session, and releases what it holds at the store.
///
/// # Errors
/// Of the session; [`Problem::CompletionRunning`].
pub async fn end(io: &impl Io, config: &Config, account: Id, session: Id) -> Result<(), Problem> {
    match recover::send_or_recover(io, config, account, session, &Message::Fail).await? {
        SessionReply::State { meta, parts, .. } => {
            // If the store does not abort it now, the session's alarm repeats that.
            let _ = abort::abort_upload(io, config, &meta, &parts, Why::Removed).await;
            Ok(())
        }
        SessionReply::Busy => Err(Problem::CompletionRunning),
        _ => Ok(()),
    }
}
