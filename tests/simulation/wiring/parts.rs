//! `src/worker/services/uploads/{progress,upload_gone}.rs` and `src/worker/handlers/uploads/{part,track}.rs`.

use super::complete::head_object;
use super::ending::{abort_upload, is_a_file};

use crate::simulation::sessions::send;
use crate::simulation::world::World;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::uploads::repository::{SessionRow, by_id};
use jettyspeed_edge::uploads::session::message::{Message, SessionReply};
use jettyspeed_edge::uploads::session::state::{Evidence, Meta, Part, Status};

/// Time limit of these requests, ms; generous, because parts arrive as fast as clients send.
const TIME_LIMIT_MS: u64 = 3_600_000;

/// The session of that id, if the account owns it.
pub async fn owned(io: &World, session: Id, account: Id) -> Result<SessionRow, Problem> {
    io.first("find upload", &by_id(session, account)).await?.ok_or(Problem::NotFound)
}

pub async fn chunk(io: &World, session: Id, account: Id, number: u16, bytes: &[u8]) -> Result<(), Problem> {
    io.set_time_limit(TIME_LIMIT_MS);
    let row = owned(io, session, account).await?;
    io.model.borrow_mut().sends(session, number, bytes);
    let etag = match io.send("put part", |store| store.put_part(&row.upload_id, number, bytes)).await {
        Ok(etag) => etag,
        Err(error) if error.is_no_such_upload() => return Err(gone_at_store(io, session).await?),
        Err(error) => {
            let failed = Message::PartFailed { number, sha256: Some(Sha256Hex::of(bytes)), may_be_stored: error.outcome_unknown() };
            return match send(io, session, failed).await? {
                SessionReply::Closed { status } => Err(Problem::UploadClosed { status: status.as_str() }),
                _ => Err(Problem::Internal),
            };
        }
    };
    let sha256 = Some(Sha256Hex::of(bytes));
    let part =
        Part { number, etag, size: bytes.len() as u64, sha256, edge: "edge".to_owned(), at: io.now(), evidence: Evidence::Seen, took_ms: None };
    match send(io, session, Message::Record { part, receipt: false }).await {
        Ok(SessionReply::Done) => Ok(()),
        Ok(SessionReply::Closed { status }) => Err(Problem::UploadClosed { status: status.as_str() }),
        _ => Err(Problem::RecordFailed),
    }
}

/// The problem to return for an upload that the store no longer has.
async fn gone_at_store(io: &World, session: Id) -> Result<Problem, Problem> {
    let closed = |status: Status| Problem::UploadClosed { status: status.as_str() };
    let SessionReply::State { meta, .. } = send(io, session, Message::Snapshot).await? else { return Ok(closed(Status::Failed)) };
    if meta.status != Status::Uploading {
        return Ok(closed(meta.status));
    }
    if is_a_file(io, &meta).await? {
        return Ok(closed(Status::Complete));
    }
    if head_object(io, &meta).await.map_err(|_| Problem::Internal)?.is_some_and(|seen| seen.size.is_none_or(|size| size == meta.file_size)) {
        return Ok(closed(Status::Completing));
    }
    match send(io, session, Message::Fail).await? {
        SessionReply::State { meta, .. } => abort_upload(io, &meta).await.map(|()| closed(meta.status)),
        SessionReply::Closed { status } => Ok(closed(status)),
        _ => Ok(closed(Status::Completing)),
    }
}

/// Progress, reconciled with the store's listing.
pub async fn progress(io: &World, session: Id, account: Id) -> Result<(), Problem> {
    io.set_time_limit(TIME_LIMIT_MS);
    let _: SessionRow = owned(io, session, account).await?;
    let mut meta = state(send(io, session, Message::Visit).await?)?;
    if meta.status == Status::Uploading {
        let listed_at = io.now();
        let next = match io.send("list parts", |store| store.list_parts(&meta.upload_id)).await {
            Ok(listed) => Message::Reconcile { listed, listed_at },
            Err(error) if error.is_no_such_upload() => {
                gone_at_store(io, session).await?;
                Message::Snapshot
            }
            Err(_) => return Err(Problem::Internal),
        };
        meta = state(send(io, session, next).await?)?;
    }
    if meta.status == Status::Expired && !meta.cleaned_up {
        let _ = abort_upload(io, &meta).await;
    }
    Ok(())
}

fn state(reply: SessionReply) -> Result<Box<Meta>, Problem> {
    match reply {
        SessionReply::State { meta, .. } => Ok(meta),
        _ => Err(Problem::NotFound),
    }
}

pub async fn fail(io: &World, session: Id, account: Id) -> Result<(), Problem> {
    io.set_time_limit(TIME_LIMIT_MS);
    if owned(io, session, account).await?.status == "complete" {
        return Err(Problem::AlreadyComplete);
    }
    match send(io, session, Message::Fail).await? {
        SessionReply::State { meta, .. } => abort_upload(io, &meta).await,
        SessionReply::Busy => Err(Problem::CompletionRunning),
        SessionReply::Closed { .. } => Err(Problem::AlreadyComplete),
        _ => Err(Problem::NotFound),
    }
}
