//! `PUT /api/video/{videoId}/{path}`, `DELETE /api/video/{videoId}`, `POST /api/video/{videoId}/playback` and `GET|HEAD /v/{token}/{path}`.

use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use wasm_bindgen_futures::JsFuture;

use super::amending::{self, at_store};
use super::path::VideoPath;
use super::place::{Place, Present};
use super::playlist::{self, Playlist};
use super::request::{Playback, check_path, check_video};
use super::store::{self, FileRow, NewFile};
use super::token::VideoClaims;
use super::{removal, warm};
use crate::accounts::access::Account;
use crate::accounts::ledger;
use crate::delivery::source::Source;
use crate::delivery::{disposition, known, media_type, routes as delivery, tally};
use crate::http::auth::Caller;
use crate::http::call::Routed;
use crate::http::json::MAX_BODY;
use crate::http::proof::Reach;
use crate::http::reply::Reply;
use crate::ids::{Id, Name};
use crate::namespaces::{self, Namespace};
use crate::platform::origin::{self, Body};
use crate::platform::{bindings, clock, d1, random};
use crate::problem::{OriginFailure, Problem};
use crate::s3::actions::{self, ObjectHeaders};
use crate::s3::{Payload, xml};
use crate::units::{EpochMs, Sha256Hex};
use crate::upload::request::{check_hash, check_namespace};
use crate::upload::simple::raw_length;

/// How often a file is tried that is not what it was said to be: a second in all. Somebody who replaces it again and again can get ahead of every try but the last.
const TRIES: u32 = 8;
/// How long in between, ms.
const AGAIN_MS: u64 = 150;

/// A write that took longer than this, from its look at what is there to its row, may have had somebody else's write and deletion in between, ms. Less than bytes
/// without a row are left alone ([`super::amending`]).
const LONG_MS: u64 = 2_000;

/// What a version replaced.
#[derive(Deserialize)]
struct Replaced {
    replaced_id: Option<Id>,
    replaced_account: Option<Id>,
    replaced_at: Option<EpochMs>,
}

/// The namespace of the call, with video switched on.
async fn namespace_of(call: &Routed, account: &Account, wanted: Option<&Name>) -> Result<Namespace, Problem> {
    let namespace = namespaces::routes::for_upload(call, account, wanted).await?;
    if namespace.video_streaming { Ok(namespace) } else { Err(Problem::FeatureOff { feature: "video_streaming" }) }
}

/// A file that comes.
struct Incoming {
    size: u64,
    content_type: String,
    payload: Payload,
    body: Body,
    live_seconds: Option<u64>,
}

/// Stores a file of a video, or replaces it: who asks for it from now on gets the new one.
pub async fn put(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let size = raw_length(call.content_length().as_deref(), call.config.plan.max_part_bytes)?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let path = check_path(call.params.get("path").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    let hash = check_hash("X-Content-SHA256", call.header("x-content-sha256").as_deref())?;
    account.must_be_active()?;
    let namespace = namespace_of(call, &account, wanted.as_ref()).await?;
    account.may_upload_simply(size)?;
    // From before it is looked what is there: see `LONG_MS`.
    let started = clock::now();
    let present: Option<Present> = d1::first(&bindings::db(&call.env)?, &store::place(&namespace.name, &video, &path)).await?;
    if present.as_ref().is_some_and(|present| present.doomed_at.is_some()) {
        // Its bytes are about to be deleted: ours would be, too. Should the job that does it be lost, this is another.
        removal::enqueue(&call.env, &namespace.name, &video).await;
        return Err(Problem::StillRunning);
    }
    let replaces = present.is_some();
    let incoming = incoming(call, &path, size, hash).await?;
    let held = call.clone();
    // To its end: a reservation must not outlive a client that hangs up.
    let stored =
        call.to_the_end(async move { book(&held, &account, Place { namespace: namespace.name, video, path }, present, incoming, started).await });
    let file = stored.await.unwrap_or(Err(Problem::Internal))?;
    let view = json!({
        "videoId": file.video, "path": file.path.as_str(), "namespace": file.namespace, "size": file.size, "contentType": file.content_type, "s3Key": file.s3_key,
        "etag": file.etag,
    });
    Reply::json(if replaces { 200 } else { 201 }, &view)
}

/// Playlists are read, everything else passes by.
async fn incoming(call: &Routed, path: &VideoPath, size: u64, hash: Option<Sha256Hex>) -> Result<Incoming, Problem> {
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
async fn book(
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
    ledger::link::reserve(&call.env, account, id, size, clock::now().plus(ledger::SIMPLE_GRACE_MS), Some(place.to_string())).await?;
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
            let _ = ledger::link::settle(&call.env, account.id, id, id, file.size).await;
            Ok(file)
        }
        Err((problem, true)) => {
            // What fails of this, the ledger finds out by itself.
            let _ = ledger::link::release(&call.env, account.id, id).await;
            Err(problem)
        }
        Err((problem, false)) => {
            let _ = ledger::link::doubt(&call.env, account.id, id).await;
            amending::enqueue(&call.env, account.id, id, &place).await;
            Err(problem)
        }
    }
}

/// The bytes, at the store: their ETag and size. Err says whether nothing of them can be there, nor get there.
async fn store_bytes(call: &Routed, file: &NewFile, incoming: Incoming, present: Option<&Present>) -> Result<(String, u64), (Problem, bool)> {
    let headers = ObjectHeaders { content_type: &file.content_type, content_disposition: &disposition::for_store(file.path.as_str()) };
    let sent = origin::send(&call.config, &actions::put_object(&file.s3_key, headers, incoming.payload), incoming.body).await;
    match sent {
        Ok(answer) => {
            let etag = answer.header("etag").map(|etag| xml::unquote(&etag).to_owned());
            answer.discard();
            etag.map(|etag| (etag, file.size)).ok_or((Problem::Origin(OriginFailure::Unexpected("NoETag".to_owned())), false))
        }
        Err(error) => {
            let problem = origin::problem_of_bytes("PutObject", &error);
            if !error.is_unheard() {
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
        ledger::link::doubt(&call.env, present.account_id, present.id).await.map_err(unclear)?;
    }
    let row: Option<Replaced> = d1::first(&db, &store::put(&file)).await.map_err(unclear)?;
    let Some(replaced) = row else {
        // Deleted meanwhile, and its bytes with it, perhaps before ours came: nothing else would find them.
        return Err(unclear(Problem::StillRunning));
    };
    known::forget(&known_as(&file.namespace, &file.video, file.path.as_str())).await;
    if let (Some(id), Some(account)) = (replaced.replaced_id, replaced.replaced_account) {
        if present.as_ref().is_none_or(|present| present.id != id) {
            let _ = ledger::link::doubt(&call.env, account, id).await;
        }
        let _ = ledger::link::release(&call.env, account, id).await;
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
            d1::batch(&db, &[store::amend(file.id, &file.etag, there.size, &there.etag)]).await.map_err(unclear)?;
            (file.etag, file.size) = (there.etag, there.size);
        }
        None => {
            d1::batch(&db, &[store::undo(file.id, &file.etag)]).await.map_err(unclear)?;
            return Err(unclear(Problem::StillRunning));
        }
    }
    known::forget(&known_as(&file.namespace, &file.video, file.path.as_str())).await;
    Ok(())
}

/// Deletes a video: nothing of it can be read any more, its bytes follow.
pub async fn delete(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    account.must_be_active()?;
    let namespace = namespaces::routes::for_upload(call, &account, wanted.as_ref()).await?.name;
    let rows: Vec<serde_json::Value> = d1::all(&bindings::db(&call.env)?, &store::doom(&namespace, &video, clock::now())).await?;
    if rows.is_empty() {
        return Err(Problem::NotFound);
    }
    known::forget_group(&namespace, &store::group(&namespace, &video)).await;
    removal::enqueue(&call.env, &namespace, &video).await;
    Ok(Reply::empty(204))
}

/// A URL to play a video by, whose token opens all of it.
pub async fn playback(call: &Routed) -> Result<Reply, Problem> {
    let account = call.account()?;
    let (path, ttl_ms) = call.json::<Playback>(MAX_BODY).await?.check()?;
    let video = check_video(call.params.get("videoId").unwrap_or_default())?;
    let wanted = check_namespace("X-Namespace", call.header("x-namespace").as_deref())?;
    account.must_be_active()?;
    let namespace = namespace_of(call, &account, wanted.as_ref()).await?.name;
    let row: Option<FileRow> = d1::first(&bindings::db(&call.env)?, &store::file(&namespace, &video, path.as_str())).await?;
    row.ok_or(Problem::NotFound)?;
    ledger::link::charge(&call.env, &account, 0).await?;
    let expires = clock::now().plus(ttl_ms);
    let token = VideoClaims { namespace, video, expires }.seal(&call.config.token_keys)?;
    let encoded: Vec<String> = path.as_str().split('/').map(crate::sigv4::encode::component).collect();
    let url = format!("{}/v/{token}/{}", call.base, encoded.join("/"));
    Reply::json(200, &json!({ "url": url, "expiresAt": expires.rfc3339() }))
}

/// What a file of a video is known as.
pub fn known_as(namespace: &Name, video: &Name, path: &str) -> String {
    format!("{}/{path}", store::group(namespace, video))
}

/// A file of a video.
///
/// # Errors
/// 403, 404.
pub async fn source(call: &Routed, claims: &VideoClaims, path: &str) -> Result<Rc<Source>, Problem> {
    let read = async {
        let row: FileRow = call.own(Reach::VideoFile, path).await?;
        if !row.video_streaming {
            return Err(Problem::FeatureOff { feature: "video_streaming" });
        }
        Ok(Source::from(row))
    };
    known::get(call, &known_as(&claims.namespace, &claims.video, path), read).await
}

/// A playlist, a segment, a key: whatever the video has at that path.
pub async fn play(call: &Routed, method: &str) -> Result<Reply, Problem> {
    let Caller::Video(claims) = &*call.caller else { return Err(Problem::NotFound) };
    let path = VideoPath::parse(call.params.get("path").unwrap_or_default()).ok_or(Problem::NotFound)?;
    let source = source(call, claims, path.as_str()).await?;
    // Common Media Client Data (CTA-5004) in the query: for statistics, never for the cache's key.
    if call.query("CMCD").is_some() {
        tally::cmcd(&source);
    }
    let range = call.header("range");
    let (source, reply) = replayed(call, method, claims, &path, source).await?;
    if method == "GET" && reply.status < 300 {
        let held = call.clone();
        call.afterwards(async move { warm::after(&held, &source, path, range.as_deref()).await });
    }
    Ok(reply)
}

/// A file that is replaced in place is another one at the store a moment before the database says so, and long before other PoPs hear of it: then what is
/// known is forgotten, and asked for again.
async fn replayed(call: &Routed, method: &str, claims: &VideoClaims, path: &VideoPath, known: Rc<Source>) -> Result<(Rc<Source>, Reply), Problem> {
    let mut source_now = known;
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match delivery::serve(call, method, Rc::clone(&source_now), claims.expires).await {
            Err(Problem::Origin(OriginFailure::Unexpected(_) | OriginFailure::Unavailable)) if tries > 0 => {
                known::forget(&known_as(&claims.namespace, &claims.video, path.as_str())).await;
                worker::Delay::from(Duration::from_millis(AGAIN_MS)).await;
                source_now = source(call, claims, path.as_str()).await?;
            }
            reply => return Ok((source_now, reply?)),
        }
    }
}
