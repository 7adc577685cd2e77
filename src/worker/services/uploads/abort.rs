//! Clean-up of an upload that ended without a file: aborts it at the store, closes its row in D1 and releases the reservation. Idempotent.

use worker::Env;

use crate::base::id::Id;
use crate::config::Config;
use crate::jobs::Job;
use crate::ledger::state::Seen;
use crate::problem::Problem;
use crate::s3::operations::abort_multipart_upload;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Meta, Status};
use crate::worker::clients::{ledger, ledger_records, session};
use crate::worker::platform::origin::Body;
use crate::worker::platform::{clock, d1, enqueue, log, origin, shards};
use crate::{dedup, jobs, uploads};

/// Aborts the upload at the store and closes its session.
///
/// # Errors
/// Errors of the store; the session is not closed then, so that the call can be repeated.
pub async fn abort_upload(env: &Env, config: &Config, meta: &Meta) -> Result<(), Problem> {
    if settle_if_completed(env, meta).await? {
        return Ok(());
    }
    let abort = abort_multipart_upload::abort_multipart_upload(&meta.key, &meta.upload_id);
    match origin::send(config, &abort, Body::Empty).await {
        Ok(_) => {
            // A completion in progress at the store may still win over the abort and create the object: delete it later.
            let orphan = Job::Orphan { account: meta.account, object: meta.object };
            if let Err(error) = enqueue::enqueue_later(env, &orphan, jobs::LATE_SECONDS).await {
                let _ = log::internal("queue", &error.to_string());
            }
        }
        // Swift returns NoSuchKey while another abort of the same upload is running.
        Err(error) if error.is_no_such_upload() || error.code == "NoSuchKey" => {
            // A completion that died may have left an object without a row. One with a row is left to garbage collection: another file may use it.
            let known: Option<serde_json::Value> =
                d1::first(&shards::of_account(env, meta.account).await?, &dedup::repository::object(meta.object)).await?;
            if known.is_none() {
                origin::delete(config, &meta.key).await?;
            }
        }
        Err(error) => return Err(origin::problem("AbortMultipartUpload", &error)),
    }
    close_upload(env, meta).await
}

/// Closes the row in D1 and releases the reservation of an upload that no longer exists at the store.
pub async fn close_upload(env: &Env, meta: &Meta) -> Result<(), Problem> {
    if settle_if_completed(env, meta).await? {
        return Ok(());
    }
    d1::batch(&shards::of_account(env, meta.account).await?, &[uploads::repository::close(meta.session, meta.status.as_str(), clock::now())]).await?;
    ledger::release(env, meta.account, meta.asset).await?;
    session::send(env, meta.session, &Message::CleanedUp).await.map(|_| ())
}

/// Whether a completion that died had already created the asset. The file is kept then, and only its ledger entry is settled.
pub async fn settle_if_completed(env: &Env, meta: &Meta) -> Result<bool, Problem> {
    let Some(Seen::Stored { object, size }) = ledger_records::find_asset(env, meta.account, meta.asset).await? else { return Ok(false) };
    ledger::settle(env, meta.account, meta.asset, object, size).await?;
    session::send(env, meta.session, &Message::CleanedUp).await?;
    Ok(true)
}

/// The job `end_upload`, enqueued by the session's alarm.
pub async fn end_upload(env: &Env, config: &Config, session: Id) -> Result<(), Problem> {
    match session::send(env, session, &Message::Snapshot).await? {
        SessionReply::State { meta, .. } if matches!(meta.status, Status::Expired | Status::Failed) => abort_upload(env, config, &meta).await,
        _ => Ok(()),
    }
}
