//! `src/worker/services/uploads/abort.rs`.

use super::files::LATE_MS;
use serde_json::Value;

use crate::simulation::ledgers::{release, settle, stored};
use crate::simulation::sessions::send;
use crate::simulation::world::World;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::dedup::repository::object;
use jettyspeed_edge::jobs::Job;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::uploads::repository::close;
use jettyspeed_edge::uploads::session::message::{Message, SessionReply};
use jettyspeed_edge::uploads::session::state::{Meta, Status};

pub async fn abort_upload(io: &World, meta: &Meta) -> Result<(), Problem> {
    if is_a_file(io, meta).await? {
        return Ok(());
    }
    match io.send("abort upload", |store| store.abort(&meta.upload_id)).await {
        Ok(()) => {
            let _ = io.enqueue(Job::Orphan { account: meta.account, object: meta.object }, LATE_MS).await;
        }
        Err(error) if error.is_no_such_upload() => {
            let known: Option<Value> = io.first("find object", &object(meta.object)).await?;
            if known.is_none() {
                io.delete_object("delete what may be there", &meta.key).await.map_err(|_| Problem::Internal)?;
            }
        }
        Err(_) => return Err(Problem::Internal),
    }
    close_upload(io, meta).await
}

pub async fn close_upload(io: &World, meta: &Meta) -> Result<(), Problem> {
    if is_a_file(io, meta).await? {
        return Ok(());
    }
    io.batch("close history", &[close(meta.session, meta.status.as_str(), io.now())]).await?;
    release(io, meta.account, meta.asset).await?;
    send(io, meta.session, Message::CleanedUp).await.map(|_| ())
}

pub async fn is_a_file(io: &World, meta: &Meta) -> Result<bool, Problem> {
    let Some((object, size)) = stored(io, meta.asset).await? else { return Ok(false) };
    settle(io, meta.account, meta.asset, object, size).await?;
    send(io, meta.session, Message::CleanedUp).await?;
    Ok(true)
}

/// The job of a session whose alarm ran.
pub async fn end(io: &World, session: Id) -> Result<(), Problem> {
    match send(io, session, Message::Snapshot).await? {
        SessionReply::State { meta, .. } if matches!(meta.status, Status::Expired | Status::Failed) => abort_upload(io, &meta).await,
        _ => Ok(()),
    }
}
