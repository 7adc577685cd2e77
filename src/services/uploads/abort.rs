//! Clean-up of an upload that ended without a file: aborts it at the store, closes its row in D1 and releases the reservation. Idempotent.

use crate::analytics::repository::add_upload;
use crate::analytics::upload_count::{Only as Counted, UploadCount, Why};
use crate::base::id::Id;
use crate::clients::{database, ledger, ledger_records, live, session, shards, store};
use crate::config::Config;
use crate::io::Io;
use crate::io::body::Body;
use crate::jobs::Job;
use crate::ledger::state::Seen;
use crate::live::event as live_event;
use crate::problem::Problem;
use crate::s3::operations::abort_multipart_upload;
use crate::services::uploads::fragments;
use crate::services::webhooks;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Meta, Part, Status};
use crate::webhooks::data;
use crate::webhooks::event::EventKind;
use crate::webhooks::repository::{Only, Written, emit};
use crate::{dedup, jobs, uploads};

/// How the clean-up of an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// There is no file.
    Aborted,
    /// A completion that nobody heard of, or that could not be recorded to its end, had created the file: it is kept.
    Stored,
}

/// Aborts the upload at the store and closes its session. `parts` are those that it has, `why` is what ends it: for the statistics.
///
/// # Errors
/// Errors of the store; the session is not closed then, so that the call can be repeated.
pub async fn abort_upload(io: &impl Io, config: &Config, meta: &Meta, parts: &[Part], why: Why) -> Result<Ended, Problem> {
    if settle_if_completed(io, meta).await? {
        return Ok(Ended::Stored);
    }
    fragments::delete_all(io, config, meta).await?;
    let abort = abort_multipart_upload::abort_multipart_upload(&meta.key, &meta.upload_id);
    let was_there = match store::send(io, config, &abort, Body::Empty).await {
        Ok(_) => true,
        // Swift returns NoSuchKey while another abort of the same upload is running.
        Err(error) if error.is_no_such_upload() || error.code == "NoSuchKey" => false,
        Err(error) => return Err(store::problem("AbortMultipartUpload", &error)),
    };
    if was_there {
        // A completion in progress at the store may still win over the abort and create the object: delete it later.
        let orphan = Job::Orphan { account: meta.account, object: meta.object };
        let _ = io.enqueue(&orphan, jobs::LATE_SECONDS).await;
    }
    close_row(io, meta, parts, why).await?;
    if settle_if_completed(io, meta).await? {
        return Ok(Ended::Stored);
    }
    if !was_there {
        // A completion that died may have left an object without a row, and no completion makes one any more, now that the row of the upload is closed. One with a row is
        // left to garbage collection: another file may use it.
        let known: Option<serde_json::Value> = shards::certainly_first(io, meta.account, &dedup::repository::object(meta.object)).await?;
        if known.is_none() {
            store::delete(io, config, &meta.key).await?;
        }
    }
    release(io, meta, parts).await
}

/// Closes the row in D1 and releases the reservation of an upload that no longer exists at the store.
///
/// # Errors
/// Errors of D1 and of the ledger; the call can be repeated.
pub async fn close_upload(io: &impl Io, meta: &Meta, parts: &[Part], why: Why) -> Result<Ended, Problem> {
    close_row(io, meta, parts, why).await?;
    if settle_if_completed(io, meta).await? {
        return Ok(Ended::Stored);
    }
    release(io, meta, parts).await
}

/// Closes the row in D1, unless a completion has: whoever records one does so only while the row is open, so that from now on it is certain whether there is a file.
async fn close_row(io: &impl Io, meta: &Meta, parts: &[Part], why: Why) -> Result<(), Problem> {
    let now = io.now();
    if meta.is_partial() {
        let close = uploads::repository::close(meta.session, meta.status.as_str(), Some(why.as_str(meta.status)), now);
        return database::batch(&shards::of_account(io, meta.account).await?, &[close]).await;
    }
    let event = webhooks::event(io, EventKind::UploadFailed, &data::upload_failed(meta))?;
    let [of_hour, of_all] = add_upload(&meta.namespace, &UploadCount::ended(meta, parts, why), Counted::WhileOpen(meta.session), now);
    let statements = [
        of_hour,
        of_all,
        emit(&meta.namespace, &event, Only::WhileOpen(meta.session)),
        uploads::repository::close(meta.session, meta.status.as_str(), Some(why.as_str(meta.status)), now),
    ];
    let notices: Vec<Written> = database::results(&shards::of_account(io, meta.account).await?, &statements).await?.skip(2).all()?;
    webhooks::send(io, &meta.namespace, notices).await;
    Ok(())
}

async fn release(io: &impl Io, meta: &Meta, parts: &[Part]) -> Result<Ended, Problem> {
    if ledger::release_upload(io, meta.account, meta.asset).await? && !meta.is_partial() {
        live::publish(io, meta.account, &live_event::failed(meta, parts, io.now())).await;
    }
    session::send(io, meta.session, &Message::CleanedUp).await.map(|_| Ended::Aborted)
}

/// Whether a completion that died had already created the asset. The file is kept then, and only its ledger entry is settled.
pub async fn settle_if_completed(io: &impl Io, meta: &Meta) -> Result<bool, Problem> {
    let Some(Seen::Stored { object, size }) = ledger_records::find_asset(io, meta.account, meta.asset).await? else { return Ok(false) };
    ledger::settle(io, meta.account, meta.asset, object, size).await?;
    session::send(io, meta.session, &Message::CleanedUp).await?;
    Ok(true)
}

/// The job `end_upload`, enqueued by the session's alarm.
pub async fn end_upload(io: &impl Io, config: &Config, session: Id) -> Result<(), Problem> {
    match session::send(io, session, &Message::Snapshot).await? {
        SessionReply::State { meta, parts, .. } if matches!(meta.status, Status::Expired | Status::Failed) => {
            abort_upload(io, config, &meta, &parts, Why::Job).await.map(|_| ())
        }
        _ => Ok(()),
    }
}
