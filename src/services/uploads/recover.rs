//! Recovery of a session whose Durable Object lost its record: D1 has its parameters, ListParts its parts, receipts the hashes (docs/uploads.md, Receipts).

use crate::base::id::Id;
use crate::clients::{database, ledger, session, shards, store};
use crate::config::Config;
use crate::io::Io;
use crate::ledger::message;
use crate::log;
use crate::log::LogLevel;
use crate::problem::Problem;
use crate::services::uploads::{abort, list_parts};
use crate::uploads::repository;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Meta, Status};

/// Sends `message` to an account's session; a session that lost its record is reopened first.
///
/// # Errors
/// [`Problem::Internal`] if the session or D1 is unreachable, or the record was lost again meanwhile: the upload is open, and must not be told closed.
pub async fn send_or_recover(io: &impl Io, config: &Config, account: Id, session: Id, message: &Message) -> Result<SessionReply, Problem> {
    match session::send(io, session, message).await? {
        // Boxed: a rare path, which would otherwise be compiled into every caller.
        SessionReply::Unknown if Box::pin(reopen(io, config, account, session)).await? => match session::send(io, session, message).await? {
            SessionReply::Unknown => Err(Problem::Internal),
            reply => Ok(reply),
        },
        reply => Ok(reply),
    }
}

/// The job `wake` for an upload that has been open for long: reopens it if its record was lost, ends it if its alarm was lost.
///
/// # Errors
/// As [`send_or_recover`].
pub async fn recover_or_end(io: &impl Io, config: &Config, account: Id, session: Id) -> Result<(), Problem> {
    send_or_recover(io, config, account, session, &Message::CheckLease).await?;
    if let SessionReply::State { meta, .. } = session::send(io, session, &Message::Snapshot).await?
        && meta.status == Status::Uploading
    {
        // A start that died behind its row has not looked.
        suspend_with_account(io, &meta).await?;
    }
    abort::end_upload(io, config, session).await
}

/// Returns false if there is no open upload with this id.
async fn reopen(io: &impl Io, config: &Config, account: Id, session: Id) -> Result<bool, Problem> {
    let row: Option<repository::SessionRow> = database::first(&shards::of_account(io, account).await?, &repository::by_id(session, account)).await?;
    let ttl_ms = config.session_ttl_seconds.saturating_mul(1000);
    let Some(meta) = row.and_then(|row| row.reopened(ttl_ms, io.now())) else { return Ok(false) };
    log::event(LogLevel::Error, "session", serde_json::json!({ "error": "lost its record and is opened again", "session": session }));
    if session::send(io, session, &Message::Open { meta: Box::new(meta.clone()), is_heard: false }).await? != SessionReply::Done {
        return Ok(false);
    }
    suspend_with_account(io, &meta).await?;
    let listed_at = io.now();
    match list_parts::all_parts(io, config, &meta).await {
        Ok(listed) => session::send(io, session, &Message::Reconcile { listed, listed_at }).await.map(|_| true),
        // The next `reconcile` finds the parts.
        Err(error) => {
            let _ = store::problem("ListParts", &error);
            Ok(true)
        }
    }
}

/// Applies the account's suspension to a session that was opened: a suspension meanwhile did not find it among the open uploads. One that was opened again is told in
/// any case, and takes parts only then.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn suspend_with_account(io: &impl Io, meta: &Meta) -> Result<(), Problem> {
    let figures = ledger::usage(io, meta.account, &message::Message::Usage { limits: None }).await?;
    let (suspended, as_of) = (figures.limits.suspended, figures.limits.version.0);
    if suspended || meta.unchecked {
        session::send(io, meta.session, &Message::Suspend { suspended, as_of }).await?;
    }
    Ok(())
}
