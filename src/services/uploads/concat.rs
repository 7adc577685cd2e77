//! Concatenates partial uploads (tus 1.0, "Concatenation"): each becomes an object, from which the store copies the parts of the final upload; only parts that lie across a
//! boundary pass through memory. A call that is repeated goes on where it was, and several have one outcome.

use futures_util::stream::{self, StreamExt};

use crate::access::authorize::ResourceKind;
use crate::accounts::account::Account;
use crate::analytics::upload_count::Why;
use crate::base::id::Id;
use crate::base::memory_budget::Pool;
use crate::base::sha256::Sha256Hex;
use crate::chunking::part_len;
use crate::clients::store::BUFFERED_PART_MS;
use crate::clients::{session, store};
use crate::io::Io;
use crate::io::answer::Answer;
use crate::problem::{OriginFailure, Problem};
use crate::s3::etag::unquote;
use crate::s3::operations::upload_part;
use crate::services::request::Request;
use crate::services::send_body::{self, Outgoing};
use crate::services::uploads::append::tell;
use crate::services::uploads::complete::{CompletionFailure, Expected, complete, complete_at_store};
use crate::services::uploads::{abort, copy_chunks, start};
use crate::uploads::concat::{MAX_FINAL, MAX_PARTIALS, MIN_COPIED, Piece, pieces};
use crate::uploads::copy_chunks::COPIES_AT_ONCE;
use crate::uploads::part::Admitted;
use crate::uploads::repository::SessionRow;
use crate::uploads::request::StartParams;
use crate::uploads::session::message::{Message, SessionReply};
use crate::uploads::session::state::{COPIED, Evidence, Meta, Part, Status};

/// The longest time for which pieces that were read are held, ms.
const HOLDING_MS: u64 = 300_000;

/// A partial upload.
struct Partial {
    meta: Meta,
    offset: u64,
}

/// Concatenates `partials`: the id of the final upload, whose file is there. `params` gives the start of one of so many bytes, `join` puts buffers together.
///
/// # Errors
/// 404 for an upload that is not the caller's; 400 for one that is not partial or lacks bytes; 413; those of a start and of a completion.
pub async fn concat<I: Io>(
    call: &Request<I>,
    account: &Account,
    partials: &[String],
    params: impl FnOnce(u64) -> StartParams,
    join: impl Fn(&[I::Buffer]) -> Result<I::Buffer, Problem>,
) -> Result<Id, Problem> {
    if partials.is_empty() || partials.len() > MAX_PARTIALS {
        return Err(Problem::BadHeader { field: "Upload-Concat", detail: format!("must name 1 to {MAX_PARTIALS} uploads") });
    }
    let mut found = Vec::new();
    for id in partials {
        found.push(look(call, account, id).await?);
    }
    let first = found.first().ok_or(Problem::Internal)?.meta.clone();
    // It was concatenated before: the partial uploads may have ended since.
    let joined = first.appending.as_ref().and_then(|appending| appending.joined);
    let into = match joined {
        Some(into) => into,
        None => begin(call, account, &found, &first, params).await?,
    };
    let SessionReply::State { meta, parts, .. } = session::send(&call.io, into, &Message::Snapshot).await? else { return Err(Problem::NotFound) };
    match meta.status {
        Status::Uploading | Status::Completing => {}
        Status::Complete => return Ok(into),
        Status::Failed | Status::Expired => return Err(Problem::UploadClosed { status: meta.status.as_str() }),
    }
    if meta.status == Status::Uploading {
        for partial in &found {
            must_be_whole(partial)?;
            store_object(call, &partial.meta).await?;
        }
        fill(call, &meta, &parts, &found, &join).await?;
    }
    complete(call, meta.account, into, Expected { file_hash: None, chunk_hashes: None, if_exists: None }).await?;
    for partial in found {
        // What fails is done when they expire.
        let _ = end(call, &partial.meta).await;
    }
    Ok(into)
}

async fn look(call: &Request<impl Io>, account: &Account, id: &str) -> Result<Partial, Problem> {
    let row: SessionRow = call.find_owned(ResourceKind::Session, id).await?;
    let claims = row.claims(account.generation, call.now());
    let SessionReply::At { meta, offset, .. } = tell(call, &claims, &Message::Offset { ends_append: false }).await? else {
        return Err(Problem::Internal);
    };
    if !meta.is_partial() {
        return Err(Problem::BadHeader { field: "Upload-Concat", detail: format!("{id} is not a partial upload") });
    }
    Ok(Partial { meta: *meta, offset })
}

fn must_be_whole(partial: &Partial) -> Result<(), Problem> {
    let Meta { session, status, file_size, appending, .. } = &partial.meta;
    let is_known = appending.as_ref().is_some_and(|appending| !appending.deferred);
    if *status == Status::Uploading && is_known && partial.offset == *file_size {
        return Ok(());
    }
    Err(Problem::BadHeader { field: "Upload-Concat", detail: format!("{session} does not have all its bytes") })
}

/// Opens the final upload, unless another call has: its id.
async fn begin(
    call: &Request<impl Io>,
    account: &Account,
    partials: &[Partial],
    first: &Meta,
    params: impl FnOnce(u64) -> StartParams,
) -> Result<Id, Problem> {
    partials.iter().try_for_each(must_be_whole)?;
    let total = partials.iter().fold(0u64, |sum, partial| sum.saturating_add(partial.meta.file_size));
    if total > MAX_FINAL {
        return Err(Problem::FileTooLarge { limit: MAX_FINAL, size: total });
    }
    let started = start::begin(call, account, params(total), async |_, _, _: &[u16]| (Vec::new(), Vec::new())).await?;
    let text = started.body.as_deref().unwrap_or_default();
    let opened: serde_json::Value = serde_json::from_str(text).map_err(|_| Problem::Internal)?;
    let mine = opened.get("sessionId").and_then(serde_json::Value::as_str).and_then(Id::parse).ok_or(Problem::Internal)?;
    let SessionReply::At { meta, .. } = session::send(&call.io, first.session, &Message::Join { into: mine }).await? else {
        return Err(Problem::UploadLocked);
    };
    let into = meta.appending.and_then(|appending| appending.joined).ok_or(Problem::UploadLocked)?;
    if into != mine
        && let SessionReply::State { meta, .. } = session::send(&call.io, mine, &Message::Snapshot).await?
    {
        end(call, &meta).await?;
    }
    Ok(into)
}

/// Has the store make the object of a partial upload.
async fn store_object(call: &Request<impl Io>, partial: &Meta) -> Result<(), Problem> {
    let SessionReply::State { meta, parts, .. } = session::send(&call.io, partial.session, &Message::Snapshot).await? else {
        return Err(Problem::NotFound);
    };
    complete_at_store(call, &meta, &parts).await.map(drop).map_err(|failure| match failure {
        CompletionFailure::Refused(problem) => problem,
        CompletionFailure::PartsRefused => Problem::Origin(OriginFailure::Unexpected("InvalidPart".to_owned())),
        CompletionFailure::Gone => Problem::UploadClosed { status: Status::Failed.as_str() },
    })
}

/// Copies the parts that the final upload lacks.
async fn fill<I: Io>(
    call: &Request<I>,
    meta: &Meta,
    parts: &[Part],
    partials: &[Partial],
    join: &impl Fn(&[I::Buffer]) -> Result<I::Buffer, Problem>,
) -> Result<(), Problem> {
    let sizes: Vec<u64> = partials.iter().map(|partial| partial.meta.file_size).collect();
    let missing =
        (1..=u16::try_from(meta.chunk_count()).map_err(|_| Problem::Internal)?).filter(|number| !parts.iter().any(|part| part.number == *number));
    let copied = stream::iter(missing).map(|number| copy(call, meta, number, partials, &sizes, join)).buffer_unordered(COPIES_AT_ONCE);
    let results: Vec<Result<(), Problem>> = copied.collect().await;
    results.into_iter().collect()
}

async fn copy<I: Io>(
    call: &Request<I>,
    meta: &Meta,
    number: u16,
    partials: &[Partial],
    sizes: &[u64],
    join: &impl Fn(&[I::Buffer]) -> Result<I::Buffer, Problem>,
) -> Result<(), Problem> {
    let size = part_len(meta.file_size, meta.chunk_size, u32::from(number)).ok_or(Problem::Internal)?;
    let start = u64::from(number.saturating_sub(1)).saturating_mul(meta.chunk_size);
    let found = pieces(sizes, start, start.saturating_add(size));
    let (etag, sha256) = match found.as_slice() {
        [piece] if sizes.get(piece.partial).is_some_and(|size| *size >= MIN_COPIED) => {
            let key = &partials.get(piece.partial).ok_or(Problem::Internal)?.meta.key;
            let last = piece.first.saturating_add(piece.length).saturating_sub(1);
            (copy_chunks::copy_range(&call.io, &call.config, meta, number, key, piece.first, last).await?, None)
        }
        some => {
            let _permit = call.reserve(Pool::Bodies, size.saturating_mul(2), size, HOLDING_MS).await?;
            let mut buffers = Vec::new();
            for piece in some {
                buffers.push(read(call, partials, piece).await?);
            }
            send(call, meta, number, size, join(&buffers)?).await?
        }
    };
    let part = Part { number, etag, size, sha256, edge: COPIED.to_owned(), at: call.now(), evidence: Evidence::Seen, took_ms: None };
    match session::send(&call.io, meta.session, &Message::Record { part, receipt: false }).await? {
        SessionReply::Done => Ok(()),
        _ => Err(Problem::UploadLocked),
    }
}

async fn read<I: Io>(call: &Request<I>, partials: &[Partial], piece: &Piece) -> Result<I::Buffer, Problem> {
    let partial = &partials.get(piece.partial).ok_or(Problem::Internal)?.meta;
    let range = (piece.first, piece.first.saturating_add(piece.length).saturating_sub(1));
    let read = async {
        let answer = store::get(&call.io, &call.config, &partial.key, partial.file_size, Some(range), None).await?;
        call.buffer_of(&answer, piece.length, BUFFERED_PART_MS).await
    };
    let buffer = read.await.map_err(|error| store::problem("GetObject of a partial upload", &error))?;
    if call.length_of(&buffer) == Some(piece.length) { Ok(buffer) } else { Err(Problem::Origin(OriginFailure::Unavailable)) }
}

async fn send<I: Io>(call: &Request<I>, meta: &Meta, number: u16, size: u64, buffer: I::Buffer) -> Result<(String, Option<Sha256Hex>), Problem> {
    let sha256 = call.sha256(&buffer).await.and_then(|hash| Sha256Hex::parse(&hash)).ok_or(Problem::Internal)?;
    let admitted = Admitted { part_number: number, size, sha256: Some(sha256) };
    let action = upload_part::upload_part(&meta.key, &meta.upload_id, number, admitted.payload());
    let answer = send_body::send_any(call, &action, Outgoing::Buffer(buffer), size, admitted.sha256.as_ref()).await?;
    let answer = answer.map_err(|refused| store::problem("UploadPart", &refused.error))?;
    let etag = answer.header("etag");
    answer.discard();
    let etag = etag.ok_or_else(|| Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned())))?;
    Ok((unquote(&etag).to_owned(), admitted.sha256))
}

/// Ends an upload that is not needed any more, and deletes its object.
async fn end(call: &Request<impl Io>, meta: &Meta) -> Result<(), Problem> {
    match session::send(&call.io, meta.session, &Message::Fail).await? {
        SessionReply::State { meta, parts, .. } => {
            let held = call.clone();
            let ended = call.detached(async move { abort::abort_upload(&held.io, &held.config, &meta, &parts, Why::Joined).await });
            ended.await.unwrap_or(Err(Problem::Internal)).map(drop)
        }
        _ => Ok(()),
    }
}
