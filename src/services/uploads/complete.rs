//! `complete`: idempotent, also for two concurrent calls and when the store completed but its response was lost (docs/uploads.md, The life of a session).
//!
//! The session grants the completion lease; the store assembles the parts; HeadObject checks the object; D1 gets the asset; the session stores the response.
//! If a call dies in between, the next one continues: it finds the object at the store.

use serde_json::Value;

use crate::analytics::repository::add_upload;
use crate::analytics::upload_count::{Only as Counted, UploadCount, Why};
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::clients::store::COMPLETION_TIMEOUT_MS;
use crate::clients::{database, ledger, ledger_records, live, session, shards, store};
use crate::dedup::chunk::{self, Chunk};
use crate::files::asset::Asset;
use crate::files::paths::placement::IfExists;
use crate::io::Io;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::ledger::state;
use crate::live::event;
use crate::log;
use crate::problem::{OriginFailure, Problem};
use crate::s3::error::StoreError;
use crate::s3::operations::complete_multipart_upload;
use crate::services::dedup::verify;
use crate::services::paths::place;
use crate::services::reply::Reply;
use crate::services::request::Request;
use crate::services::uploads::abort::Ended;
use crate::services::uploads::upload_gone::{find_object, gone_at_store, is_gone};
use crate::services::uploads::{abort, fragments, list_parts, payload_hash_probe, recover};
use crate::services::webhooks;
use crate::uploads::completion::{ATTEMPTS, Next, ROUND_MS, after, backoff_ms, object_etag};
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{Meta, Part, Status};
use crate::uploads::session::transfer::Transfer;
use crate::uploads::{copy_chunks, repository, view};
use crate::webhooks::data;
use crate::webhooks::event::EventKind;
use crate::webhooks::repository::{Only, Written, emit};
use crate::{dedup, files, receipts};

/// Maximum wait for another call that is completing the same upload, ms.
const WAIT_FOR_OTHER_MS: u64 = 60_000;

/// Maximum ListParts reconciliations of claimed parts per call.
const MAX_LISTINGS: u32 = 3;

/// The caller's knowledge of the file; must match the recorded parts.
#[derive(Clone)]
pub struct Expected {
    /// SHA-256 of the whole file.
    pub file_hash: Option<Sha256Hex>,
    /// SHA-256 of every chunk.
    pub chunk_hashes: Option<Vec<Sha256Hex>>,
    /// What happens if another file has the upload's path, in place of what its start said.
    pub if_exists: Option<IfExists>,
}

/// Completes `session`, or reports the missing parts.
pub async fn complete(call: &Request<impl Io>, account: Id, session: Id, expected: Expected) -> Result<Reply, Problem> {
    let attempt = call.id()?;
    let started = call.now();
    let (mut reconciled, mut listings) = (false, 0);
    loop {
        let Expected { file_hash, chunk_hashes, if_exists } = expected.clone();
        let begin = Message::BeginCompletion { attempt, file_hash, chunk_hashes };
        match recover::send_or_recover(&call.io, &call.config, account, session, &begin).await? {
            SessionReply::Complete { outcome } => return Reply::json(200, &outcome),
            SessionReply::State { mut meta, parts, .. } => {
                if let (Some(placement), Some(if_exists)) = (&mut meta.placement, if_exists) {
                    placement.if_exists = if_exists;
                }
                let held = call.clone();
                let completed = call.detached(async move { run_completion(&held, attempt, &meta, &parts).await }).await;
                match completed.unwrap_or(Err(Problem::CompletionRunning))? {
                    CompletionStep::Done(reply) => return Ok(reply),
                    // The record has the store's ETags now: repeat once with those.
                    CompletionStep::Reconciled if !reconciled => reconciled = true,
                    CompletionStep::Reconciled => return Err(Problem::Origin(OriginFailure::Unexpected("InvalidPart".to_owned()))),
                }
            }
            // Repeat if clients have claimed further parts meanwhile.
            SessionReply::Unlisted if listings < MAX_LISTINGS => {
                listings += 1;
                list_claimed(call, session).await?;
            }
            SessionReply::Unlisted => return Err(Problem::StillRunning),
            SessionReply::Missing { parts } => return Err(Problem::PartsMissing { missing: parts }),
            SessionReply::OtherParts { parts } => return Err(Problem::PartsDiffer { parts }),
            SessionReply::OtherHash => return Err(Problem::FileHashMismatch),
            SessionReply::Closed { status } => return Err(closed(call, session, status).await),
            SessionReply::Busy => {
                while session::send(&call.io, session, &Message::CheckLease).await? == SessionReply::Busy {
                    if call.now().since(started) >= WAIT_FOR_OTHER_MS {
                        return Err(Problem::CompletionRunning);
                    }
                    call.sleep(200).await;
                }
            }
            _ => return Err(Problem::NotFound),
        }
    }
}

/// What the client of a closed session is told: a session that was failed may have a file all the same, of a completion that could not be recorded to its end.
async fn closed(call: &Request<impl Io>, session: Id, status: Status) -> Problem {
    let stored = async {
        let SessionReply::State { meta, .. } = session::send(&call.io, session, &Message::Snapshot).await? else { return Ok(false) };
        let seen = ledger_records::find_asset(&call.io, meta.account, meta.asset).await?;
        Ok(matches!(seen, Some(state::Seen::Stored { .. })))
    };
    match stored.await {
        Ok(true) => Problem::UploadClosed { status: Status::Complete.as_str() },
        Ok(false) => Problem::UploadClosed { status: status.as_str() },
        Err(problem) => problem,
    }
}

/// Reconciles claimed parts (sent directly to the store) with ListParts.
async fn list_claimed(call: &Request<impl Io>, session: Id) -> Result<(), Problem> {
    let SessionReply::State { meta, .. } = session::send(&call.io, session, &Message::Snapshot).await? else { return Err(Problem::NotFound) };
    let listed_at = call.now();
    match list_parts::all_parts(&call.io, &call.config, &meta).await {
        Ok(listed) => session::send(&call.io, session, &Message::Reconcile { listed, listed_at }).await.map(|_| ()),
        Err(error) if error.is_no_such_upload() => Err(gone_at_store(call, session).await?),
        Err(error) => Err(store::problem("ListParts", &error)),
    }
}

enum CompletionStep {
    /// Complete.
    Done(Reply),
    /// The store refused the part list; the record was reconciled with ListParts.
    Reconciled,
}

async fn run_completion(call: &Request<impl Io>, attempt: Id, meta: &Meta, parts: &[Part]) -> Result<CompletionStep, Problem> {
    // Before the store assembles the parts: the upload stays open, and may be completed once the path is free, or be told what else to do.
    if let Err(problem) = place::must_be_free(&call.io, &view::asset_of(meta, "", call.now()), meta.placement.as_ref(), meta.session).await {
        session::send(&call.io, meta.session, &Message::CancelCompletion { attempt }).await?;
        return Err(problem);
    }
    match complete_at_store(call, meta, parts).await {
        Ok(etag) => {
            let kept = record_completion(call, meta, parts, &etag).await;
            if kept.is_err() {
                session::send(&call.io, meta.session, &Message::ReleaseLease { attempt }).await?;
            }
            kept.map(CompletionStep::Done)
        }
        Err(CompletionFailure::Refused(problem)) => {
            session::send(&call.io, meta.session, &Message::CancelCompletion { attempt }).await?;
            Err(problem)
        }
        Err(CompletionFailure::PartsRefused) => {
            let listed_at = call.now();
            let listed = list_parts::all_parts(&call.io, &call.config, meta).await;
            session::send(&call.io, meta.session, &Message::CancelCompletion { attempt }).await?;
            let listed = listed.map_err(|error| store::problem("ListParts", &error))?;
            session::send(&call.io, meta.session, &Message::Reconcile { listed, listed_at }).await?;
            Ok(CompletionStep::Reconciled)
        }
        Err(CompletionFailure::Gone) => {
            // Only the holder of the completion lease may abandon: another call may have completed the upload meanwhile.
            if session::send(&call.io, meta.session, &Message::AbandonCompletion { attempt }).await? == SessionReply::Done {
                let ended = abort::close_upload(&call.io, &Meta { status: Status::Failed, ..meta.clone() }, parts, Why::Store).await?;
                if ended == Ended::Stored {
                    return Err(Problem::UploadClosed { status: Status::Complete.as_str() });
                }
            }
            Err(Problem::UploadClosed { status: Status::Failed.as_str() })
        }
    }
}

pub(super) enum CompletionFailure {
    /// Not completed; the session accepts parts again.
    Refused(Problem),
    /// The store has other parts than the record.
    PartsRefused,
    /// Neither the upload nor the object exists.
    Gone,
}

/// Repeats CompleteMultipartUpload until the whole object exists at the store: its ETag.
pub(super) async fn complete_at_store(call: &Request<impl Io>, meta: &Meta, parts: &[Part]) -> Result<String, CompletionFailure> {
    let list: Vec<_> = parts.iter().map(|part| (part.number, part.etag.clone())).collect();
    let (action, body) = complete_multipart_upload::complete_multipart_upload(&meta.key, &meta.upload_id, &list);
    let began = call.now();
    for round in 1..=ATTEMPTS {
        let started = call.now();
        let answer = match store::send_within(&call.io, &call.config, &action, Body::Text(body.clone()), COMPLETION_TIMEOUT_MS).await {
            Ok(answer) => answer.text().await.and_then(|body| complete_multipart_upload::completion(&body)),
            Err(error) => Err(error),
        };
        call.span("complete", started);
        if let Err(error) = &answer {
            let _ = store::problem("CompleteMultipartUpload", error);
        }
        match after(&answer) {
            Next::Reconcile => return Err(CompletionFailure::PartsRefused),
            Next::Refuse(problem) => return Err(CompletionFailure::Refused(problem)),
            Next::CheckObject | Next::CheckObjectThenRetry => {}
        }
        match find_object(call, meta).await {
            Ok(Some(seen)) => {
                let completed = answer.ok().and_then(|completion| completion.etag);
                return object_etag(seen, completed.as_deref(), meta.file_size).map_err(CompletionFailure::Refused);
            }
            Ok(None) if answer.as_ref().is_err_and(StoreError::is_no_such_upload) && is_gone(call, meta).await => {
                return Err(CompletionFailure::Gone);
            }
            Ok(None) | Err(_) => {}
        }
        if call.now().since(began) > ROUND_MS {
            break;
        }
        let [jitter] = call.random().map_err(CompletionFailure::Refused)?;
        call.sleep(backoff_ms(round, jitter)).await;
    }
    Err(CompletionFailure::Refused(Problem::Origin(OriginFailure::Unavailable)))
}

/// The parts whose hashes the store has checked. A hash that it did not is only a claim. Such chunks are not offered, because a false hash would give access to
/// other bytes, and are in no receipt.
async fn checked_chunks<'a>(call: &Request<impl Io>, meta: &Meta, parts: &'a [Part]) -> Vec<Chunk<'a>> {
    let chunks = copy_chunks::chunks_of_object(meta.chunk_size, parts);
    if meta.direct || chunks.is_empty() || payload_hash_probe::enforced(&call.io, &call.config).await != Some(true) {
        return Vec::new();
    }
    chunks
}

/// Adds the parts to the chunk index. An error is logged in `d1` and only costs later uploads the copy.
async fn offer_chunks(call: &Request<impl Io>, meta: &Meta, chunks: &[Chunk<'_>]) {
    if chunks.is_empty() {
        return;
    }
    let Ok(db) = shards::of_account(&call.io, meta.account).await else { return };
    for some in chunks.chunks(chunk::MAX_WRITTEN) {
        let _ = database::batch(&db, &[dedup::repository::insert_chunks(&meta.namespace, meta.object, some)]).await;
    }
}

/// Order: D1, ledger, session last. Until the session stores "complete", the next call repeats all steps; each is idempotent.
async fn record_completion(call: &Request<impl Io>, meta: &Meta, parts: &[Part], etag: &str) -> Result<Reply, Problem> {
    let now: EpochMs = call.now();
    let asset = view::asset_of(meta, etag, now);
    let place = place::look_for_upload(call, &asset, meta.placement.as_ref(), meta.session).await?;
    let asset = Asset { path: place::expected(place.as_ref()), ..asset };
    let answer = view::completed(meta, parts, &asset, &call.base);
    let mut outcome: Value = serde_json::to_value(&answer).map_err(|error| log::internal("outcome", &error.to_string()))?;
    let mbps = Transfer::of(parts.iter()).known_mbps();
    let chunks = checked_chunks(call, meta, parts).await;
    let known = chunks.iter().map(|chunk| receipts::Part { sha256: chunk.h.as_str().to_owned(), size: chunk.s, first: chunk.f }).collect();
    let data = data::upload_completed(&asset, receipts::whole(known, asset.size), &call.base, now);
    let event = webhooks::event(&call.io, EventKind::UploadCompleted, &data)?;
    let mut statements = files::repository::insert(&asset, files::repository::Via::Session(meta.session), mbps);
    let made = statements.len();
    statements.extend(place::statements(call, place.as_ref(), &asset));
    let placing = statements.len() - made;
    let geo = call.geo();
    let country = geo.country.as_deref();
    statements.extend(view::patterns(meta, parts, country, now));
    statements.extend(add_upload(&meta.namespace, &UploadCount::completed(meta, parts, country), Counted::WhileOpen(meta.session), now));
    let before = statements.len();
    statements.push(emit(&meta.namespace, &event, Only::WhileOpen(meta.session)));
    statements.push(repository::close(meta.session, "complete", None, now));
    statements.push(repository::by_id(meta.session, meta.account));
    let mut written = database::results(&shards::of_account(&call.io, meta.account).await?, &statements).await?;
    let placed = place::read(place.as_ref(), written.skip(made))?;
    let notices: Vec<Written> = written.skip(before - made - placing).all()?;
    // Behind the row that was closed.
    if written.skip(1).first::<Value>()?.is_none() {
        // The account has been moved to another database since it was looked up: nothing was written.
        return Err(Problem::AccountMoving);
    }
    if let (Some(path), Some(told)) = (&placed.path, outcome.get_mut("asset").and_then(|asset| asset.get_mut("path"))) {
        *told = path.as_str().into();
    }
    place::tell(call, place, placed).await;
    webhooks::send(&call.io, &meta.namespace, notices).await;
    offer_chunks(call, meta, &chunks).await;
    // Read again: if this repeats an earlier completion, the file may have been merged with another object, or deleted.
    match ledger_records::find_asset(&call.io, meta.account, meta.asset).await? {
        Some(state::Seen::Stored { object, size }) => {
            if ledger::settle_upload(&call.io, meta.account, meta.asset, object, size).await? {
                live::publish_afterwards(&call.io, meta.account, event::completed(meta, parts, now));
            }
        }
        _ => ledger::release(&call.io, meta.account, meta.asset).await?,
    }
    // What is left of them when this fails is only storage: no right depends on it.
    let _ = fragments::delete_all(&call.io, &call.config, meta).await;
    if asset.claimed_sha256.is_some() {
        verify::enqueue_for(&call.io, meta.account, meta.object).await;
    }
    match session::send(&call.io, meta.session, &Message::FinishCompletion { outcome }).await? {
        SessionReply::Complete { outcome } => Reply::json(200, &outcome),
        SessionReply::Closed { status } => Err(closed(call, meta.session, status).await),
        _ => Err(Problem::Internal),
    }
}
