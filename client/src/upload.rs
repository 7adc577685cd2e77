//! Uploading: one request for small files, parallel parts for the rest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::{Body, Method};
use serde::Serialize;
use tokio::sync::{Mutex, RwLock};

use crate::Error;
use crate::api::{Asset, AssetEnvelope, Completed, SessionState, Start, Stored, Strategy};
use crate::body::{FileSlice, Meter};
use crate::edge::{Edge, StartFile, encode, once, read, refused};
use crate::hash;
use crate::pool;
use crate::progress::{Event, Progress};
use crate::resume::{candidates, place, to_send};
use crate::retry::retrying;

/// Files up to this size go in one request (SPEC: "clients use the simple path up to 10 MB").
const SIMPLE_MOST: u64 = 10_000_000;
/// A body of which nothing moves for this long is given up and sent again.
const STALL: Duration = Duration::from_secs(60);
/// How long the answer may take once the body is out: the store commits the part.
const ANSWER: Duration = Duration::from_secs(120);
/// The server lets go of a completion that died after two minutes.
const COMPLETION_LIMIT: Duration = Duration::from_secs(300);
/// Rounds of "complete, send what is missing": more than one only if the store lost parts.
const ROUNDS: u32 = 4;

/// What to do differently.
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// The name it gets; the file's own by default.
    pub name: Option<String>,
    /// Media type; guessed from the name by default.
    pub content_type: Option<String>,
    /// Namespace; the account's own by default.
    pub namespace: Option<String>,
    /// Parts (true) or one request (false); by size if None.
    pub accelerate: Option<bool>,
    /// Parts in flight; as the server advises if None.
    pub threads: Option<usize>,
    /// Start over even if an open upload of this file exists.
    pub fresh: bool,
    /// Send every byte, also what the server has.
    pub no_dedup: bool,
}

/// What became of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Uploaded {
    /// The stored file.
    pub asset: Asset,
    /// The session, if it went in parts.
    pub session_id: Option<String>,
    /// Bytes this run sent.
    pub bytes_sent: u64,
    /// Bytes of this upload that an earlier run sent.
    pub bytes_resumed: u64,
    /// Bytes that the server had of other files.
    pub bytes_saved: u64,
    /// Parts this run sent.
    pub parts_sent: usize,
    /// Milliseconds.
    pub elapsed_ms: u64,
}

/// Uploads the file at `path`; goes on with an open upload of it, if there is one.
///
/// # Errors
/// See [`Error`]. What was sent before an error stays and need not be sent again.
pub async fn upload(edge: &Edge, path: &Path, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    let started = tokio::time::Instant::now();
    let file = LocalFile::look(path).await?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .ok_or_else(|| Error::Usage(format!("{} has no file name", path.display())))?,
    };
    let in_parts = options.accelerate.unwrap_or(file.size > SIMPLE_MOST) && file.size > 0;
    let mut done =
        if in_parts { in_session(edge, &file, &name, options, progress).await? } else { in_one(edge, &file, &name, options, progress).await? };
    done.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(done)
}

/// The file as it was when the upload began.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LocalFile {
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
}

impl LocalFile {
    async fn look(path: &Path) -> Result<LocalFile, Error> {
        let meta = tokio::fs::metadata(path).await.map_err(Error::file(path))?;
        if !meta.is_file() {
            return Err(Error::Usage(format!("{} is not a file", path.display())));
        }
        Ok(LocalFile { path: path.to_owned(), size: meta.len(), modified: meta.modified().ok() })
    }

    /// Whether it is still the same, as far as size and time tell.
    async fn must_be_unchanged(&self) -> Result<(), Error> {
        if LocalFile::look(&self.path).await? == *self { Ok(()) } else { Err(Error::FileChanged(self.path.clone())) }
    }
}

async fn in_one(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    progress(Event::Planned { total: file.size, already: 0, session: None });
    let hash = hash::of_range(&file.path, 0, file.size).await?;
    let meter = Meter::new(progress);
    let key = once();
    let envelope: AssetEnvelope = retrying(&edge.retry, || async {
        meter.reset();
        let body = FileSlice::open(&file.path, 0, file.size, meter.clone()).await?;
        let mut request = edge
            .request(Method::POST, "/api/storage/upload")
            .header("X-File-Name", encode(name))
            .header("X-Content-SHA256", &hash)
            .header("Idempotency-Key", &key)
            .header("Content-Type", options.content_type.as_deref().unwrap_or(""));
        if let Some(namespace) = &options.namespace {
            request = request.header("X-Namespace", namespace);
        }
        read(watched(request.body(Body::wrap(body)).send(), &meter, file.size).await?).await
    })
    .await?;
    file.must_be_unchanged().await?;
    Ok(Uploaded { asset: envelope.asset, session_id: None, bytes_sent: file.size, bytes_resumed: 0, bytes_saved: 0, parts_sent: 0, elapsed_ms: 0 })
}

/// What all parts of an upload share.
struct Sending {
    edge: Edge,
    file: LocalFile,
    session: String,
    chunk_size: u64,
    token: RwLock<String>,
    hashes: Mutex<Hashes>,
    /// What the server confirmed in this run, by part number.
    stored: Mutex<BTreeMap<u32, Stored>>,
    progress: Progress,
}

/// SHA-256 by part number, of this file.
type Hashes = BTreeMap<u32, String>;

async fn in_session(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    let found = if options.fresh { None } else { find_open(edge, file, name, options).await? };
    let resumed = found.is_some();
    let first = send_and_complete(edge, file, name, options, &progress, found).await;
    let worth_another = match &first {
        // Another client, which took its file for this one, wrote other bytes into the session. Whatever becomes of that, ours starts over.
        Err(error) if error.code() == Some("parts-differ") => true,
        Err(Error::Closed(_)) => resumed,
        Err(error) => resumed && error.code() == Some("upload-closed"),
        Ok(_) => false,
    };
    match first {
        Err(error) if worth_another => {
            progress(Event::Retrying { reason: error.to_string() });
            send_and_complete(edge, file, name, options, &progress, None).await
        }
        other => other,
    }
}

async fn send_and_complete(
    edge: &Edge,
    file: &LocalFile,
    name: &str,
    options: &UploadOptions,
    progress: &Progress,
    found: Option<(SessionState, Hashes)>,
) -> Result<Uploaded, Error> {
    let resumed = found.is_some();
    let (session, token, chunk_size, chunk_count, mut parts, advised, known) = match found {
        Some((state, hashes)) => {
            let parts = to_send(&state.missing, &state.completed);
            let advised = edge.advice(file.size).await?.threads;
            (state.session_id, state.upload_token, state.chunk_size, state.chunk_count, parts, advised, hashes)
        }
        None => match start(edge, file, name, options, progress).await? {
            (Start::There(there), _) => {
                progress(Event::Planned { total: file.size, already: file.size, session: None });
                let (asset, bytes_saved) = (there.asset, file.size);
                return Ok(Uploaded { asset, session_id: None, bytes_sent: 0, bytes_resumed: 0, bytes_saved, parts_sent: 0, elapsed_ms: 0 });
            }
            (Start::Prove(_), _) => return Err(Error::Unexpected("the server asks again and again".to_owned())),
            (Start::Open(started), hashes) => {
                let Strategy { chunk_size, chunk_count, threads } = started.strategy;
                (started.session_id, started.upload_token, chunk_size, chunk_count, started.missing_parts, threads, hashes)
            }
        },
    };
    let length_of = |part: &u32| place(*part, chunk_size, file.size).map_or(0, |(_, length)| length);
    let already = file.size - parts.iter().map(length_of).sum::<u64>();
    progress(Event::Planned { total: file.size, already, session: Some(session.clone()) });
    let threads = options.threads.unwrap_or(advised as usize).clamp(1, 64);
    let sending = Arc::new(Sending {
        edge: edge.clone(),
        file: file.clone(),
        session,
        chunk_size,
        token: RwLock::new(token),
        hashes: Mutex::new(known),
        stored: Mutex::default(),
        progress: Arc::clone(progress),
    });
    let (mut parts_sent, mut bytes_sent) = (0, 0);
    for round in 1..=ROUNDS {
        parts_sent += parts.len();
        bytes_sent += parts.iter().map(length_of).sum::<u64>();
        let shared = Arc::clone(&sending);
        pool::run(parts, threads.min(chunk_count as usize), move |part| send(Arc::clone(&shared), part)).await?;
        file.must_be_unchanged().await?;
        progress(Event::Finishing);
        let hashes: Vec<String> = sending.hashes.lock().await.values().cloned().collect();
        match complete(edge, &sending.session, &hashes).await {
            Ok(done) => {
                let session_id = Some(sending.session.clone());
                let (bytes_resumed, bytes_saved) = if resumed { (already, 0) } else { (0, already) };
                return Ok(Uploaded { asset: done.asset, session_id, bytes_sent, bytes_resumed, bytes_saved, parts_sent, elapsed_ms: 0 });
            }
            Err(Error::Refused { status: 409, problem, .. }) if round < ROUNDS && problem.code == "parts-missing" => {
                parts = remind(&sending, &problem.missing).await;
            }
            // A server that lost its record knows from the store that parts are there, but not whose. If it knows better, they are another client's.
            Err(error) if round < ROUNDS && known_to(&sending, error.parts()).await => {
                if !remind(&sending, error.parts()).await.is_empty() {
                    return Err(error);
                }
                parts = Vec::new();
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::Unexpected("the store keeps losing parts".to_owned()))
}

/// Whether the server confirmed all of these parts, of which there are some, in this run.
async fn known_to(sending: &Sending, parts: &[u32]) -> bool {
    let stored = sending.stored.lock().await;
    !parts.is_empty() && parts.iter().all(|part| stored.contains_key(part))
}

/// Reminds the server of those of these parts that it confirmed in this run, once each; returns those that it does not know by that.
async fn remind(sending: &Sending, parts: &[u32]) -> Vec<u32> {
    let mut others = Vec::new();
    for part in parts {
        let stored = sending.stored.lock().await.remove(part);
        let reminded = match &stored {
            Some(stored) => sending.edge.remind(&sending.session, stored).await.is_ok(),
            None => false,
        };
        if !reminded {
            others.push(*part);
        }
    }
    others
}

/// Opens an upload, with the file's hashes so that what the server has need not be sent; and those hashes.
async fn start(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions, progress: &Progress) -> Result<(Start, Hashes), Error> {
    let wanted = StartFile {
        name,
        size: file.size,
        content_type: options.content_type.as_deref(),
        namespace: options.namespace.as_deref(),
        hashes: None,
        proof: None,
    };
    if options.no_dedup {
        return Ok((edge.start(wanted).await?, Hashes::new()));
    }
    let mut chunk_size = edge.advice(file.size).await?.chunk_size;
    loop {
        progress(Event::Hashing);
        let mut hashes = hash::of_file(&file.path, file.size, chunk_size).await?;
        file.must_be_unchanged().await?;
        let mut started = edge.start(StartFile { hashes: Some(&hashes), ..wanted }).await;
        if let Ok(Start::Prove(asked)) = &started {
            let proof = hash::proof(&file.path, &asked.challenge).await?;
            started = edge.start(StartFile { hashes: Some(&hashes), proof: Some(&proof), ..wanted }).await;
            if started.as_ref().is_err_and(|error| error.code() == Some("proof-refused")) {
                // Too late, or another run took the question: then the bytes are sent.
                hashes.whole = None;
                started = edge.start(StartFile { hashes: Some(&hashes), ..wanted }).await;
            }
        }
        match started {
            // A namespace may have a chunk size of its own.
            Err(error) if error.strategy().is_some_and(|strategy| strategy.chunk_size != chunk_size) => {
                chunk_size = error.strategy().map_or(chunk_size, |strategy| strategy.chunk_size);
            }
            started => return Ok((started?, (1..).zip(hashes.chunks).collect())),
        }
    }
}

/// Completes; another call completing the same upload is waited for, as long as one may hold it.
async fn complete(edge: &Edge, session: &str, chunk_hashes: &[String]) -> Result<Completed, Error> {
    let started = tokio::time::Instant::now();
    loop {
        match edge.complete(session, chunk_hashes).await {
            Err(error) if error.code() == Some("completion-running") && started.elapsed() < COMPLETION_LIMIT => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            other => return other,
        }
    }
}

/// The open upload of this very file, if there is one: every part it has recorded with a hash is this file's, and there is at least one such part.
/// Without one there is nothing to gain, and it may be another file's.
async fn find_open(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions) -> Result<Option<(SessionState, Hashes)>, Error> {
    let sessions = edge.open_sessions().await?;
    for candidate in candidates(&sessions, name, options.name.is_some(), file.size, options.namespace.as_deref()) {
        let state = match edge.session(&candidate.session_id, false).await {
            // "completing": a run before this one died at the very end; there is nothing left to send.
            Ok(state) if matches!(state.status.as_str(), "uploading" | "completing") => state,
            Ok(_) => continue,
            Err(error) if error.status() == Some(404) => continue,
            Err(error) => return Err(error),
        };
        if let Some(hashes) = same_bytes(file, &state).await? {
            return Ok(Some((state, hashes)));
        }
    }
    Ok(None)
}

/// The hashes of the recorded parts, if all of them are this file's and there are any.
async fn same_bytes(file: &LocalFile, state: &SessionState) -> Result<Option<Hashes>, Error> {
    let mut hashes = Hashes::new();
    for part in &state.completed {
        let Some(stored) = &part.sha256 else { continue };
        let Some((offset, length)) = place(part.part_number, state.chunk_size, file.size) else { return Ok(None) };
        let hash = hash::of_range(&file.path, offset, length).await?;
        if *stored != hash {
            return Ok(None);
        }
        hashes.insert(part.part_number, hash);
    }
    Ok((!hashes.is_empty()).then_some(hashes))
}

/// Hashes and sends one part until the server has it.
async fn send(sending: Arc<Sending>, part: u32) -> Result<(), Error> {
    let (offset, length) =
        place(part, sending.chunk_size, sending.file.size).ok_or_else(|| Error::Unexpected(format!("part {part} is outside the file")))?;
    let known = sending.hashes.lock().await.get(&part).cloned();
    let hash = match known {
        Some(hash) => hash,
        None => {
            let hash = hash::of_range(&sending.file.path, offset, length).await?;
            sending.hashes.lock().await.insert(part, hash.clone());
            hash
        }
    };
    let meter = Meter::new(Arc::clone(&sending.progress));
    let mut attempt = 1;
    loop {
        let error = match try_send(&sending, part, offset, length, &hash, &meter).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        meter.reset();
        match error.code() {
            Some("token-expired") => {
                *sending.token.write().await = sending.edge.session(&sending.session, false).await?.upload_token;
            }
            // The file changed, or its bytes did on the way: hashed at the start, they are looked at again.
            Some("chunk-hash-mismatch") => sending.file.must_be_unchanged().await?,
            Some("upload-closed") => return Err(closed(&sending).await),
            _ => {}
        }
        let worth_it = matches!(error.code(), Some("token-expired" | "chunk-hash-mismatch"));
        let judged = if worth_it { Error::Stalled } else { error };
        let Some(wait) = sending.edge.retry.wait(attempt, &judged, rand::random()) else { return Err(judged) };
        (sending.progress)(Event::Retrying { reason: judged.to_string() });
        tokio::time::sleep(wait).await;
        // The bytes may have arrived although the answer did not, or the upload may be over: ask before sending them again.
        if unheard(&judged) && !worth_it && is_there(&sending, part, (offset, length), &hash).await? {
            (sending.progress)(Event::Moved(length));
            return Ok(());
        }
        attempt += 1;
    }
}

/// Whether nobody can say if the store took the bytes: no answer came, from the server or to it.
fn unheard(error: &Error) -> bool {
    let lost_behind = |code: &str| matches!(code, "origin-unreachable" | "origin-timeout" | "record-failed" | "internal");
    matches!(error, Error::Unreachable(_) | Error::Stalled) || error.code().is_some_and(lost_behind)
}

/// Whether the part is there after all, by the server's record or by the store's. A store that has it under its MD5 has these bytes, or bytes that somebody
/// made to collide with them: the record then says that it is the client who says so.
async fn is_there(sending: &Sending, part: u32, (offset, length): (u64, u64), hash: &str) -> Result<bool, Error> {
    let Ok(state) = sending.edge.session(&sending.session, true).await else { return Ok(false) };
    if state.status != "uploading" {
        return Err(Error::Closed(state.status));
    }
    let Some(found) = state.completed.iter().find(|found| found.part_number == part) else { return Ok(false) };
    match &found.sha256 {
        Some(known) => Ok(known == hash),
        None if found.etag == hash::md5_of_range(&sending.file.path, offset, length).await? => {
            sending.edge.claim(&sending.session, found, hash).await?;
            Ok(true)
        }
        None => Ok(false),
    }
}

async fn closed(sending: &Sending) -> Error {
    match sending.edge.session(&sending.session, false).await {
        Ok(state) => Error::Closed(state.status),
        Err(error) => error,
    }
}

async fn try_send(sending: &Sending, part: u32, offset: u64, length: u64, hash: &str, meter: &Meter) -> Result<(), Error> {
    let token = sending.token.read().await.clone();
    let body = FileSlice::open(&sending.file.path, offset, length, meter.clone()).await?;
    let request = sending
        .edge
        .with_token(Method::POST, "/api/jetty-speed/chunk", &token)
        .header("X-Part-Number", part.to_string())
        .header("X-Upload-Id", &sending.session)
        .header("X-Chunk-SHA256", hash)
        .body(Body::wrap(body));
    let body = refused(watched(request.send(), meter, length).await?).await?.bytes().await?;
    // The receipt is for the day on which the server has forgotten: the part is there without it, too.
    if let Ok(stored) = serde_json::from_slice(&body) {
        sending.stored.lock().await.insert(part, stored);
    }
    Ok(())
}

/// Waits for an answer as long as bytes move; a flat time limit would punish slow links.
pub(crate) async fn watched(
    sending: impl Future<Output = Result<reqwest::Response, reqwest::Error>>,
    meter: &Meter,
    length: u64,
) -> Result<reqwest::Response, Error> {
    tokio::pin!(sending);
    let mut last = meter.sent();
    loop {
        let patience = if last >= length { ANSWER } else { STALL };
        tokio::select! {
            answer = &mut sending => return Ok(answer?),
            () = tokio::time::sleep(patience) => {
                let now = meter.sent();
                if now == last {
                    return Err(Error::Stalled);
                }
                last = now;
            }
        }
    }
}
