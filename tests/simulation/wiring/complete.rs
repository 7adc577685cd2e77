//! `src/worker/services/uploads/complete.rs`.

use super::ending::close_upload;
use super::parts::owned;
use serde_json::json;

use crate::simulation::ledgers::{release, settle, stored};
use crate::simulation::sessions::send;
use crate::simulation::world::World;
use jettyspeed_edge::base::id::Id;
use jettyspeed_edge::base::sha256::Sha256Hex;
use jettyspeed_edge::base::shard::Shard;
use jettyspeed_edge::dedup::repository::insert_chunks;
use jettyspeed_edge::files::repository::{Via, insert};
use jettyspeed_edge::jobs::Job;
use jettyspeed_edge::problem::Problem;
use jettyspeed_edge::s3::error::StoreError;
use jettyspeed_edge::s3::operations::head_object::Description;
use jettyspeed_edge::uploads::completion::{ATTEMPTS, Next, ROUND_MS, after, object_etag};
use jettyspeed_edge::uploads::copy_chunks::chunks_of_object;
use jettyspeed_edge::uploads::repository::close;
use jettyspeed_edge::uploads::session::message::{Message, SessionReply};
use jettyspeed_edge::uploads::session::state::{COMPLETION_LEASE_MS, Meta, Part, Status};
use jettyspeed_edge::uploads::view::asset_of;

/// What the caller expects of the file.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub file_hash: Option<Sha256Hex>,
    pub chunk_hashes: Option<Vec<Sha256Hex>>,
}

/// Completes a session; returns the asset that the caller receives.
pub async fn complete(io: &World, session: Id, account: Id, expected: &Expected) -> Result<Id, Problem> {
    // A call ends before its lease expires.
    io.set_time_limit(COMPLETION_LEASE_MS - 1_000);
    owned(io, session, account).await?;
    let attempt = io.draw();
    let mut reconciled = false;
    loop {
        let Expected { file_hash, chunk_hashes } = expected.clone();
        match send(io, session, Message::BeginCompletion { attempt, file_hash, chunk_hashes }).await? {
            SessionReply::Complete { outcome } => return Ok(serde_json::from_value(outcome).unwrap()),
            SessionReply::State { meta, parts, .. } => match run(io, attempt, &meta, &parts).await? {
                Some(asset) => return Ok(asset),
                None if !reconciled => reconciled = true,
                None => return Err(Problem::Internal),
            },
            SessionReply::Missing { parts } => return Err(Problem::PartsMissing { missing: parts }),
            SessionReply::OtherParts { parts } => return Err(Problem::PartsDiffer { parts }),
            SessionReply::Unlisted => return Err(Problem::StillRunning),
            SessionReply::OtherHash => return Err(Problem::FileHashMismatch),
            SessionReply::Closed { status } => return Err(Problem::UploadClosed { status: status.as_str() }),
            // The client retries; waiting makes no call.
            SessionReply::Busy => return Err(Problem::CompletionRunning),
            _ => return Err(Problem::NotFound),
        }
    }
}

/// None: the record was reconciled with the store and the attempt is to be repeated.
async fn run(io: &World, attempt: Id, meta: &Meta, parts: &[Part]) -> Result<Option<Id>, Problem> {
    match at_store(io, meta, parts).await {
        Ok(etag) => {
            let kept = keep(io, meta, parts, &etag).await;
            if kept.is_err() {
                send(io, meta.session, Message::ReleaseLease { attempt }).await?;
            }
            kept.map(Some)
        }
        Err(End::Refused) => {
            send(io, meta.session, Message::CancelCompletion { attempt }).await?;
            Err(Problem::Internal)
        }
        Err(End::PartsRefused) => {
            let listed_at = io.now();
            let listed = io.send("list parts", |store| store.list_parts(&meta.upload_id)).await;
            send(io, meta.session, Message::CancelCompletion { attempt }).await?;
            let listed = listed.map_err(|_| Problem::Internal)?;
            send(io, meta.session, Message::Reconcile { listed, listed_at }).await?;
            Ok(None)
        }
        Err(End::Gone) => {
            if send(io, meta.session, Message::AbandonCompletion { attempt }).await? == SessionReply::Done {
                close_upload(io, &Meta { status: Status::Failed, ..meta.clone() }).await?;
            }
            Err(Problem::UploadClosed { status: Status::Failed.as_str() })
        }
    }
}

enum End {
    Refused,
    PartsRefused,
    Gone,
}

/// The object at the store, if it exists.
pub async fn head_object(io: &World, meta: &Meta) -> Result<Option<Description>, StoreError> {
    io.send("head object", |store| Ok(store.head(&meta.key))).await
}

async fn at_store(io: &World, meta: &Meta, parts: &[Part]) -> Result<String, End> {
    let list: Vec<_> = parts.iter().map(|part| (part.number, part.etag.clone())).collect();
    let began = io.now();
    for _ in 1..=ATTEMPTS {
        let answer = io.send("complete upload", |store| store.complete(&meta.upload_id, &list)).await;
        match after(&answer) {
            Next::Reconcile => return Err(End::PartsRefused),
            Next::Refuse(_) => return Err(End::Refused),
            Next::CheckObject | Next::CheckObjectThenRetry => {}
        }
        match head_object(io, meta).await {
            Ok(Some(seen)) => return object_etag(seen, None, meta.file_size).map_err(|_| End::Refused),
            Ok(None) if answer.as_ref().is_err_and(StoreError::is_no_such_upload) && is_gone(io, meta).await => return Err(End::Gone),
            Ok(None) | Err(_) => {}
        }
        if io.now().since(began) > ROUND_MS {
            break;
        }
    }
    Err(End::Refused)
}

async fn is_gone(io: &World, meta: &Meta) -> bool {
    let listing = io.send("is it gone?", |store| store.list_parts(&meta.upload_id)).await;
    listing.is_err_and(|error| error.is_no_such_upload())
}

async fn keep(io: &World, meta: &Meta, parts: &[Part], etag: &str) -> Result<Id, Problem> {
    let now = io.now();
    let asset = asset_of(meta, etag, now);
    let mut statements = insert(&asset, Via::Session(meta.session), Some(1.0));
    statements.push(close(meta.session, "complete", now));
    io.batch("insert file", &statements).await?;
    let chunks = chunks_of_object(meta.chunk_size, parts);
    if !chunks.is_empty() {
        let _ = io.batch("offer chunks", &[insert_chunks(&meta.namespace, meta.object, &chunks)]).await;
    }
    match stored(io, meta.asset).await? {
        Some((object, size)) => settle(io, meta.account, meta.asset, object, size).await?,
        None => release(io, meta.account, meta.asset).await?,
    }
    if asset.claimed_sha256.is_some() {
        let _ = io.enqueue(Job::Verify { object: meta.object, shard: Shard::MAIN }, 0).await;
    }
    match send(io, meta.session, Message::FinishCompletion { outcome: json!(asset.id) }).await? {
        SessionReply::Complete { outcome } => Ok(serde_json::from_value(outcome).unwrap()),
        SessionReply::Closed { status } => Err(Problem::UploadClosed { status: status.as_str() }),
        _ => Err(Problem::Internal),
    }
}
