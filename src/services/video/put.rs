//! Writes a file of a video: reserves storage, stores the bytes, replaces the row (docs/video.md, Replacing).

use futures_util::future::join;
use serde::Deserialize;

use crate::accounts::account::Account;
use crate::analytics::repository::add_upload;
use crate::analytics::upload_count::{Only, UploadCount};
use crate::base::id::{Id, Name};
use crate::base::memory_budget::{MemoryPermit, Pool};
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::clients::ledger::Wanted;
use crate::clients::{database, ledger, shards, store};
use crate::http::{content_disposition, media_type};
use crate::io::answer::Answer;
use crate::io::body::{Body, Whole};
use crate::io::stale::Stale;
use crate::io::{BodyOf, Io};
use crate::ledger::timing;
use crate::namespaces::namespace::Namespace;
use crate::problem::{OriginFailure, Problem};
use crate::s3::action::{ObjectHeaders, Payload};
use crate::s3::etag::unquote;
use crate::s3::operations::put_object;
use crate::services;
use crate::services::request::{Request, lost};
use crate::services::uploads::refused;
use crate::services::video::reconcile::at_store;
use crate::services::video::{reconcile, removal};
use crate::video::owner::repository::Owner;
use crate::video::path::VideoPath;
use crate::video::place::{Place, Present};
use crate::video::repository::NewFile;
use crate::video::{owner, playlist, repository};

/// Maximum attempts to read a file whose bytes and descriptor differ, about 1 s in all.
pub const MAX_ATTEMPTS: u32 = 8;

/// Delay between two attempts, ms.
pub const RETRY_MS: u64 = 150;

/// The longest time for which a playlist that has arrived is in memory, ms: calls of the store, the ledgers and D1.
const STORING_MS: u64 = 120_000;

/// Duration of a write from reading the present version to writing its row, ms, from which a concurrent write and deletion may have happened in between.
/// Less than the time for which bytes without a row are left alone ([`crate::services::video::reconcile`]).
pub const LONG_WRITE_MS: u64 = 2_000;

/// Maximum attempts to write a row while other writers are first.
const MAX_WRITES: u32 = 5;

/// A row that was written, with the version that it replaced.
#[derive(Deserialize)]
struct Written {
    replaced_id: Option<Id>,
}

/// The namespace of the call; video streaming must be enabled.
pub async fn namespace_of(call: &Request<impl Io>, account: &Account, wanted: Option<&Name>) -> Result<Namespace, Problem> {
    let namespace = services::namespaces::of_upload::for_upload(call, account, wanted).await?;
    if namespace.video_streaming { Ok(namespace) } else { Err(Problem::FeatureOff { feature: "video_streaming" }) }
}

/// Stores or replaces a file of a video, with the request's body. Returns it, and whether it replaces another.
///
/// # Errors
/// [`Problem::ManagerOnly`] if the video is another account's and this one does not manage the namespace; those of the store; 507.
pub async fn write_file<I: Io>(
    call: &Request<I>,
    account: &Account,
    manages: bool,
    place: Place,
    stream: Option<I::Stream>,
    size: u64,
    hash: Option<Sha256Hex>,
) -> Result<(NewFile, bool), Problem> {
    let (db, namespace, video) = (shards::of_namespace(&call.io, &place.namespace).await?, place.namespace.clone(), place.video.clone());
    let begin = owner::repository::begin_write(&namespace, &video, account.id, manages, call.now());
    let owner: Option<Owner> = database::first(&db, &begin).await?;
    owner.ok_or(Problem::ManagerOnly)?;
    match replace_file(call, account, place, stream, size, hash).await {
        Ok(stored) => Ok(stored),
        Err((problem, stored_nothing)) => {
            refused::count(&call.io, &namespace, &problem);
            // Of a write of unknown end nothing is said: the video stays its owner's for as long as bytes may appear.
            if stored_nothing {
                let _ = database::batch(&db, &owner::repository::cancel_write(&namespace, &video)).await;
            }
            Err(problem)
        }
    }
}

/// [`write_file`] after the write was announced. The flag of an error says that no bytes are at the store and none can appear later.
async fn replace_file<I: Io>(
    call: &Request<I>,
    account: &Account,
    place: Place,
    stream: Option<I::Stream>,
    size: u64,
    hash: Option<Sha256Hex>,
) -> Result<(NewFile, bool), (Problem, bool)> {
    let nothing = |problem| (problem, true);
    // Before the present version is read: see `LONG_WRITE_MS`.
    let started = call.now();
    let db = shards::of_namespace(&call.io, &place.namespace).await.map_err(nothing)?;
    let found = database::first::<Present>(&db, &repository::place(&place.namespace, &place.video, &place.path)).await;
    let present = found.map_err(nothing)?;
    if present.as_ref().is_some_and(|present| present.doomed_at.is_some()) {
        // The bytes at this place are about to be deleted, and a new version's bytes would be too. Enqueue the deletion again, in case its job was lost.
        removal::enqueue(&call.io, &place.namespace, &place.video).await;
        return Err(nothing(Problem::StillRunning));
    }
    let replaces = present.is_some();
    let incoming = incoming(call, &place.path, stream, size, hash).await.map_err(nothing)?;
    let file = store_file(call, account, place, present, incoming, started).await?;
    Ok((file, replaces))
}

/// A file to store.
struct Incoming<I: Io> {
    size: u64,
    content_type: String,
    payload: Payload,
    body: BodyOf<I>,
    live_seconds: Option<u64>,
    /// The permit of a playlist, which is in memory until it is stored.
    held: Option<MemoryPermit>,
}

/// Playlists are read and parsed, all other bodies are streamed.
async fn incoming<I: Io>(
    call: &Request<I>,
    path: &VideoPath,
    stream: Option<I::Stream>,
    size: u64,
    hash: Option<Sha256Hex>,
) -> Result<Incoming<I>, Problem> {
    // The media type follows from the extension, because clients often send a generic one.
    let content_type = media_type::of_name(path.as_str()).unwrap_or("application/octet-stream").to_owned();
    let payload = hash.clone().map_or(Payload::Unsigned, Payload::Sha256);
    let stream = match stream {
        Some(stream) if size > 0 => Some(stream),
        None if size > 0 => return Err(lost()),
        _ => None,
    };
    let Some(stream) = stream else {
        let live_seconds = if path.is_playlist() { playlist::check(path, &[])? } else { None };
        return Ok(Incoming { size, content_type, payload, body: Body::Text(String::new()), live_seconds, held: None });
    };
    if path.is_playlist() && size <= playlist::LARGEST {
        // Its bytes, and their copy that is parsed.
        let held = Some(call.reserve(Pool::Texts, size.saturating_mul(2), size, STORING_MS).await?);
        let Whole::Buffer(buffer) = call.read_whole(stream, size).await? else { return Err(Problem::BodyTooSlow) };
        // As bytes: a text would lose a byte order mark and what is not UTF-8.
        let live_seconds = playlist::check(path, &call.copy_of(&buffer))?;
        return Ok(Incoming { size, content_type, payload, body: Body::Buffered(buffer), live_seconds, held });
    }
    // A playlist that is too long to be read may be a live one.
    let live_seconds = path.is_playlist().then_some(playlist::ASSUMED_TARGET);
    Ok(Incoming { size, content_type, payload, body: Body::Client(stream, size), live_seconds, held: None })
}

/// Reserves storage, stores the bytes, settles the reservation. If a step fails, the earlier ones are undone. The flag of an error is that of
/// [`replace_file`].
async fn store_file<I: Io>(
    call: &Request<I>,
    account: &Account,
    place: Place,
    present: Option<Present>,
    incoming: Incoming<I>,
    started: EpochMs,
) -> Result<NewFile, (Problem, bool)> {
    let nothing = |problem| (problem, true);
    let id = call.id().map_err(nothing)?;
    let size = incoming.size;
    // With the place the ledger can find the bytes if this request dies before D1 has a row.
    let look_at = call.now().plus(timing::SIMPLE_GRACE_MS);
    let wanted = Wanted { asset: id, bytes: size, look_at, place: Some(place.to_string()), session: false, replaces: present.is_some() };
    ledger::reserve(&call.io, account, wanted).await.map_err(nothing)?;
    let new = NewFile {
        id,
        account: account.id,
        s3_key: place.key(),
        namespace: place.namespace.clone(),
        video: place.video.clone(),
        path: place.path.clone(),
        size,
        etag: String::new(),
        content_type: incoming.content_type.clone(),
        live_seconds: incoming.live_seconds,
        started,
        created_at: started,
    };
    let stored = match store_bytes(call, &new, incoming, present.as_ref()).await {
        Ok((etag, size)) => replace_row(call, NewFile { etag, size, created_at: call.now(), ..new }, present).await,
        Err(failed) => Err(failed),
    };
    match stored {
        Ok(file) => {
            let counted = add_upload(&file.namespace, &UploadCount::simple(file.size), Only::Always, file.created_at);
            let ended: Vec<_> = [owner::repository::end_write(&file.namespace, &file.video)].into_iter().chain(counted).collect();
            let end_write = async { database::batch(&shards::of_namespace(&call.io, &file.namespace).await?, &ended).await };
            let _ = join(ledger::settle(&call.io, account.id, id, id, file.size), end_write).await;
            Ok(file)
        }
        Err((problem, true)) => {
            // If this fails, the ledger's scheduled check repeats it.
            let _ = ledger::release(&call.io, account.id, id).await;
            Err((problem, true))
        }
        Err((problem, false)) => {
            let _ = ledger::schedule_check(&call.io, account.id, id).await;
            // If this fails, the check of the reservation enqueues it.
            let _ = reconcile::enqueue(&call.io, account.id, id, &place).await;
            Err((problem, false))
        }
    }
}

/// Stores the bytes and returns ETag and size. The flag of an error says that no bytes are at the store and none can appear later.
async fn store_bytes<I: Io>(
    call: &Request<I>,
    file: &NewFile,
    incoming: Incoming<I>,
    present: Option<&Present>,
) -> Result<(String, u64), (Problem, bool)> {
    let headers = ObjectHeaders { content_type: &file.content_type, content_disposition: &content_disposition::for_store(file.path.as_str()) };
    let _held = incoming.held;
    let sent = store::send(&call.io, &call.config, &put_object::put_object(&file.s3_key, headers, incoming.payload), incoming.body).await;
    match sent {
        Ok(answer) => {
            let etag = answer.header("etag").map(|etag| unquote(&etag).to_owned());
            answer.discard();
            match etag {
                Some(etag) => Ok((etag, file.size)),
                // A gateway left it out. Another write may have come in between, so the store's answer counts as a whole.
                None => match at_store(&call.io, &call.config, &file.s3_key).await {
                    Ok(Some(stored)) => Ok((stored.etag, stored.size)),
                    Ok(None) => Err((Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned())), false)),
                    Err(problem) => Err((problem, false)),
                },
            }
        }
        Err(error) => {
            if !error.outcome_unknown() {
                // A store that returned 500 may have written the object before it failed.
                let asked = if error.tells_no_reason() { store::ask(&call.io, &call.config, &file.s3_key).await } else { Ok(()) };
                return Err((store::problem_after_asking("PutObject", &error, &asked), error.status != 500));
            }
            // The object may exist; it is whole then, because stores keep no partial objects. Or it may appear later.
            match at_store(&call.io, &call.config, &file.s3_key).await {
                Ok(Some(stored)) if stored.size == file.size && present.is_none_or(|present| present.etag != stored.etag) => {
                    // Or they are those of another writer of as many bytes, and these still arrive.
                    reconcile::enqueue(&call.io, file.account, file.id, &file.place()).await.map_err(|problem| (problem, false))?;
                    Ok((stored.etag, stored.size))
                }
                _ => {
                    let asked = store::ask(&call.io, &call.config, &file.s3_key).await;
                    Err((store::problem_after_asking("PutObject", &error, &asked), false))
                }
            }
        }
    }
}

/// Writes the version's row. The flag of an error says that no row is left.
async fn replace_row(call: &Request<impl Io>, mut file: NewFile, present: Option<Present>) -> Result<NewFile, (Problem, bool)> {
    let unclear = |problem| (problem, false);
    let db = shards::of_namespace(&call.io, &file.namespace).await.map_err(unclear)?;
    let (mut replaces, mut overtaken, mut attempts) = (present, false, 0);
    let new = loop {
        // The ledgers are notified before and after: if this request dies in between, they check the outcome in D1.
        if let Some(version) = &replaces {
            ledger::schedule_check(&call.io, version.account_id, version.id).await.map_err(unclear)?;
        }
        let put = repository::put(&file, replaces.as_ref().map(|version| version.id));
        let row: Option<Written> = database::first(&db, &put).await.map_err(unclear)?;
        if let Some(row) = row {
            break row.replaced_id.is_none();
        }
        // Another writer was first, or the video was deleted, possibly before these bytes arrived: then only the reconciliation finds them.
        attempts += 1;
        let now: Option<Present> = database::first(&db, &repository::place(&file.namespace, &file.video, &file.path)).await.map_err(unclear)?;
        if attempts == MAX_WRITES || now.as_ref().is_some_and(|version| version.doomed_at.is_some()) {
            return Err(unclear(Problem::StillRunning));
        }
        (replaces, overtaken) = (now, true);
    };
    call.forget(Stale::VideoFile(&file.namespace, &file.video, file.path.as_str())).await;
    if let Some(version) = replaces.as_ref().filter(|_| !new)
        && ledger::release(&call.io, version.account_id, version.id).await.is_err()
    {
        // It releases the replaced version. If this fails, that version's check does.
        let _ = reconcile::enqueue(&call.io, file.account, file.id, &file.place()).await;
    }
    // Two concurrent writes may be ordered differently in D1 and at the store, so the one whose row comes later reads the store. So does a write whose replaced
    // version no longer exists, because that deletion may have deleted the new bytes, and a write that took longer than [`LONG_WRITE_MS`].
    let long = call.now().since(file.started) > LONG_WRITE_MS;
    let raced = overtaken || (new && (replaces.is_some() || long));
    if raced {
        correct_row(call, &mut file).await?;
    }
    Ok(file)
}

/// Makes the row consistent with the bytes at the store.
async fn correct_row(call: &Request<impl Io>, file: &mut NewFile) -> Result<(), (Problem, bool)> {
    let unclear = |problem| (problem, false);
    let db = shards::of_namespace(&call.io, &file.namespace).await.map_err(unclear)?;
    match at_store(&call.io, &call.config, &file.s3_key).await.map_err(unclear)? {
        Some(stored) if stored.etag == file.etag => return Ok(()),
        Some(stored) => {
            database::batch(&db, &[repository::correct_version(file.id, &file.etag, stored.size, &stored.etag)]).await.map_err(unclear)?;
            (file.etag, file.size) = (stored.etag, stored.size);
        }
        None => {
            let gone = [vec![repository::delete_version(file.id, &file.etag)], owner::repository::release(&file.namespace, &file.video).into()];
            database::batch(&db, &gone.concat()).await.map_err(unclear)?;
            return Err(unclear(Problem::StillRunning));
        }
    }
    call.forget(Stale::VideoFile(&file.namespace, &file.video, file.path.as_str())).await;
    Ok(())
}
