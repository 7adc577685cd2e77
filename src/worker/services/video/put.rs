//! Writing a file of a video: reserve, store the bytes, replace the row.

use serde::Deserialize;
use wasm_bindgen_futures::JsFuture;

use crate::accounts::account::Account;
use crate::base::id::{Id, Name};
use crate::base::sha256::Sha256Hex;
use crate::base::time::EpochMs;
use crate::http::{content_disposition, media_type};
use crate::ledger::timing;
use crate::namespaces::namespace::Namespace;
use crate::problem::{OriginFailure, Problem};
use crate::s3::action::{ObjectHeaders, Payload};
use crate::s3::etag::unquote;
use crate::s3::operations::put_object;
use crate::video::path::VideoPath;
use crate::video::place::{Place, Present};
use crate::video::playlist::Playlist;
use crate::video::repository::NewFile;
use crate::video::{playlist, repository};
use crate::worker::clients::ledger;
use crate::worker::content::metadata_cache;
use crate::worker::content::video_source::known_as;
use crate::worker::http::call::Routed;
use crate::worker::platform::origin::Body;
use crate::worker::platform::{bindings, clock, d1, origin, random};
use crate::worker::services;
use crate::worker::services::video::reconcile;
use crate::worker::services::video::reconcile::at_store;

/// How often a file is tried that is not what it was said to be: a second in all. Somebody who replaces it again and again can get ahead of every try but the last.
pub const TRIES: u32 = 8;

/// How long in between, ms.
pub const AGAIN_MS: u64 = 150;

/// A write that took longer than this, from its look at what is there to its row, may have had somebody else's write and deletion in between, ms. Less than bytes
/// without a row are left alone ([`crate::worker::services::video::reconcile`]).
pub const LONG_MS: u64 = 2_000;

/// What a version replaced.
#[derive(Deserialize)]
struct Replaced {
    replaced_id: Option<Id>,
    replaced_account: Option<Id>,
    replaced_at: Option<EpochMs>,
}

/// The namespace of the call, with video switched on.
pub async fn namespace_of(call: &Routed, account: &Account, wanted: Option<&Name>) -> Result<Namespace, Problem> {
    let namespace = services::namespaces::for_upload(call, account, wanted).await?;
    if namespace.video_streaming { Ok(namespace) } else { Err(Problem::FeatureOff { feature: "video_streaming" }) }
}

/// A file that comes.
pub struct Incoming {
    size: u64,
    content_type: String,
    payload: Payload,
    body: Body,
    live_seconds: Option<u64>,
}

/// Playlists are read, everything else passes by.
pub async fn incoming(call: &Routed, path: &VideoPath, size: u64, hash: Option<Sha256Hex>) -> Result<Incoming, Problem> {
    // The name tells players more than a client that guesses.
    let content_type = media_type::of_name(path.as_str()).unwrap_or("application/octet-stream").to_owned();
    let payload = hash.clone().map_or(Payload::Unsigned, Payload::Sha256);
    let lost = || Problem::Malformed { detail: "The body did not arrive whole.".to_owned() };
    if path.is_playlist() && size <= playlist::LARGEST {
        let text = JsFuture::from(call.request.text().map_err(|_| lost())?).await.map_err(|_| lost())?.as_string().unwrap_or_default();
        let bytes = u64::try_from(text.len()).unwrap_or_default();
        // Text that is not UTF-8, which a playlist must be (RFC 8216 section 4.1), has another length than what came.
        let live_seconds = match playlist::read(path, &text) {
            Some(Playlist::Media { live_seconds, .. }) if bytes == size => live_seconds,
            Some(_) if bytes == size => None,
            _ => return Err(Problem::Invalid { field: "body", detail: "is not a playlist: it must be UTF-8 and begin with #EXTM3U".to_owned() }),
        };
        return Ok(Incoming { size, content_type, payload, body: Body::Text(text), live_seconds });
    }
    let body = match call.request.body() {
        Some(stream) if size > 0 => Body::Raw(stream.into()),
        None if size > 0 => return Err(lost()),
        _ => Body::Text(String::new()),
    };
    Ok(Incoming { size, content_type, payload, body, live_seconds: None })
}

/// Reserves, stores, settles; whatever fails in between is taken back.
pub async fn book(
    call: &Routed,
    account: &Account,
    place: Place,
    present: Option<Present>,
    incoming: Incoming,
    started: EpochMs,
) -> Result<NewFile, Problem> {
    let id = random::id()?;
    let size = incoming.size;
    // Should this die before a row names it, the ledger still knows where it is.
    ledger::reserve(&call.env, account, id, size, clock::now().plus(timing::SIMPLE_GRACE_MS), Some(place.to_string())).await?;
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
        Ok((etag, size)) => replace(call, NewFile { etag, size, created_at: clock::now(), ..new }, present).await,
        Err(failed) => Err(failed),
    };
    match stored {
        Ok(file) => {
            let _ = ledger::settle(&call.env, account.id, id, id, file.size).await;
            Ok(file)
        }
        Err((problem, true)) => {
            // What fails of this, the ledger finds out by itself.
            let _ = ledger::release(&call.env, account.id, id).await;
            Err(problem)
        }
        Err((problem, false)) => {
            let _ = ledger::doubt(&call.env, account.id, id).await;
            reconcile::enqueue(&call.env, account.id, id, &place).await;
            Err(problem)
        }
    }
}

/// The bytes, at the store: their ETag and size. Err says whether nothing of them can be there, nor get there.
async fn store_bytes(call: &Routed, file: &NewFile, incoming: Incoming, present: Option<&Present>) -> Result<(String, u64), (Problem, bool)> {
    let headers = ObjectHeaders { content_type: &file.content_type, content_disposition: &content_disposition::for_store(file.path.as_str()) };
    let sent = origin::send(&call.config, &put_object::put_object(&file.s3_key, headers, incoming.payload), incoming.body).await;
    match sent {
        Ok(answer) => {
            let etag = answer.header("etag").map(|etag| unquote(&etag).to_owned());
            answer.discard();
            etag.map(|etag| (etag, file.size)).ok_or((Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned())), false))
        }
        Err(error) => {
            let problem = origin::problem_of_bytes("PutObject", &error);
            if !error.outcome_unknown() {
                // A store that failed on its own may have failed after it wrote.
                return Err((problem, error.status != 500));
            }
            // It may be there all the same: whole, for stores keep nothing else. Or it may yet come.
            match at_store(&call.config, &file.s3_key).await {
                Ok(Some(there)) if there.size == file.size && present.is_none_or(|present| present.etag != there.etag) => {
                    Ok((there.etag, there.size))
                }
                _ => Err((problem, false)),
            }
        }
    }
}

/// The version takes its place in the database. Err says whether nothing is left of it there.
async fn replace(call: &Routed, mut file: NewFile, present: Option<Present>) -> Result<NewFile, (Problem, bool)> {
    let unclear = |problem| (problem, false);
    let db = bindings::db(&call.env).map_err(unclear)?;
    // The ledgers are told twice: should this die in between, they ask how it ended.
    if let Some(present) = &present {
        ledger::doubt(&call.env, present.account_id, present.id).await.map_err(unclear)?;
    }
    let row: Option<Replaced> = d1::first(&db, &repository::put(&file)).await.map_err(unclear)?;
    let Some(replaced) = row else {
        // Deleted meanwhile, and its bytes with it, perhaps before ours came: nothing else would find them.
        return Err(unclear(Problem::StillRunning));
    };
    metadata_cache::forget(&known_as(&file.namespace, &file.video, file.path.as_str())).await;
    if let (Some(id), Some(account)) = (replaced.replaced_id, replaced.replaced_account) {
        if present.as_ref().is_none_or(|present| present.id != id) {
            let _ = ledger::doubt(&call.env, account, id).await;
        }
        let _ = ledger::release(&call.env, account, id).await;
    }
    // Two that wrote at once may stand in another order in the database than at the store: whoever comes second looks. So does who wanted to replace
    // something that is gone: its deletion may have taken the new bytes. And so does who took so long that somebody may have been there in between.
    let new = replaced.replaced_id.is_none();
    let long = clock::now().since(file.started) > LONG_MS;
    let raced = replaced.replaced_at.is_some_and(|at| at >= file.started) || (new && (present.is_some() || long));
    if raced {
        amend(call, &mut file).await?;
    }
    Ok(file)
}

/// Sees to it that the row says what the store has.
async fn amend(call: &Routed, file: &mut NewFile) -> Result<(), (Problem, bool)> {
    let unclear = |problem| (problem, false);
    let db = bindings::db(&call.env).map_err(unclear)?;
    match at_store(&call.config, &file.s3_key).await.map_err(unclear)? {
        Some(there) if there.etag == file.etag => return Ok(()),
        Some(there) => {
            d1::batch(&db, &[repository::amend(file.id, &file.etag, there.size, &there.etag)]).await.map_err(unclear)?;
            (file.etag, file.size) = (there.etag, there.size);
        }
        None => {
            d1::batch(&db, &[repository::undo(file.id, &file.etag)]).await.map_err(unclear)?;
            return Err(unclear(Problem::StillRunning));
        }
    }
    metadata_cache::forget(&known_as(&file.namespace, &file.video, file.path.as_str())).await;
    Ok(())
}
