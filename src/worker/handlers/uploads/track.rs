//! `POST /api/jetty/track-upload`: start, progress, complete, fail.

use std::rc::Rc;

use serde_json::json;

use crate::access::authorize::{Principal, ResourceKind};
use crate::accounts::account::Account;
use crate::edges::edge::Work;
use crate::edges::request::check_samples;
use crate::http::json_body::MAX_TRACK_BODY;
use crate::http::validate::{check_chunk_hashes, check_hash, check_session};
use crate::problem::Problem;
use crate::uploads::repository;
use crate::uploads::request::{Start, Track};
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::Status;
use crate::worker::http::call::Routed;
use crate::worker::http::idempotency;
use crate::worker::http::reply::Reply;
use crate::worker::platform::clock;
use crate::worker::services::edges::registry;
use crate::worker::services::uploads::start::begin;
use crate::worker::services::uploads::{abort, complete, progress, recover, rights};

/// Dispatches on `action`.
pub async fn track(call: &Routed) -> Result<Reply, Problem> {
    match Track::parse(&call.bytes(MAX_TRACK_BODY).await?)? {
        Track::Start(wanted) => start(call, call.account_beside_token().await?, *wanted).await,
        Track::Progress(body) => {
            check_samples(&body.samples)?;
            progress::progress_of(call, check_session(&body.session_id)?, false, &body.samples).await
        }
        Track::Complete(body) => {
            let account = call.account_beside_token().await?;
            let file_hash = check_hash("fileHash", body.file_hash.as_deref())?;
            let chunk_hashes = check_chunk_hashes(body.chunk_hashes.as_deref())?;
            let row = owned_session(call, &account, &body.session_id).await?;
            // A completed upload has nothing left to be allowed: its first answer is repeated.
            if row.status != Status::Complete.as_str() {
                rights::check(call, &row.claims(account.generation, clock::now())).await?;
            }
            complete::complete(call, account.id, row.id, complete::Expected { file_hash, chunk_hashes }).await
        }
        Track::Fail(body) => {
            let account = call.account_beside_token().await?;
            let row = owned_session(call, &account, &body.session_id).await?;
            fail(call, &row).await
        }
    }
}

/// The account's session with this id.
async fn owned_session(call: &Routed, account: &Account, id: &str) -> Result<repository::SessionRow, Problem> {
    let session = check_session(id)?;
    account.must_be_active()?;
    call.find_owned_as(&Principal::Account(account.id), ResourceKind::Session, &session.to_string()).await
}

async fn start(call: &Routed, account: Rc<Account>, wanted: Start) -> Result<Reply, Problem> {
    let wanted = wanted.check()?;
    account.must_be_active()?;
    registry::must_take(call, Work::New).await?;
    let slot = idempotency::slot(call, &account.id.to_string(), &call.bytes(MAX_TRACK_BODY).await?)?;
    let held = call.clone();
    idempotency::once(call, slot, async move { begin(&held, &account, wanted).await }).await
}

/// Aborts an upload: `fail`. Idempotent.
pub async fn fail(call: &Routed, row: &repository::SessionRow) -> Result<Reply, Problem> {
    if row.status == "complete" {
        return Err(Problem::AlreadyComplete);
    }
    let session = row.id;
    let meta = match recover::send_or_recover(&call.env, &call.config, row.account_id, session, &Message::Fail).await? {
        SessionReply::State { meta, .. } => meta,
        SessionReply::Busy => return Err(Problem::CompletionRunning),
        SessionReply::Closed { .. } => return Err(Problem::AlreadyComplete),
        _ => return Err(Problem::NotFound),
    };
    let (held, status) = (call.clone(), meta.status);
    let ended = call.run_detached(async move { abort::abort_upload(&held.env, &held.config, &meta).await });
    ended.await.unwrap_or(Err(Problem::Internal))?;
    Reply::json(200, &json!({ "sessionId": session, "status": status.as_str() }))
}
