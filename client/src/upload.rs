//! Uploads a file: one request for small files, parallel parts for larger ones.

mod hashes;
mod opening;
mod part;
mod plan;
mod run;
mod session;
mod verdict;
mod warm;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Body, Method};
use serde::Serialize;

use crate::Error;
use crate::api::{Asset, AssetEnvelope};
use crate::body::{FileSlice, InMemory, Meter};
use crate::edge::{Edge, encode, new_idempotency_key, read};
use crate::hash;
use crate::local_file::LocalFile;
use crate::paths::{Place, rfc3339};
use crate::progress::{Event, Progress};
use crate::retry::retrying;
use crate::verification::verified;
use session::in_session;

/// Files up to this size are sent in one request (docs/uploads.md, "The two ways in").
const MAX_SIMPLE_BYTES: u64 = 10_000_000;
/// A body without progress for this long is cancelled and sent again.
const STALL: Duration = Duration::from_secs(60);
/// Timeout of the response once the body is sent: the store has to commit the part.
const ANSWER: Duration = Duration::from_secs(120);

/// SHA-256 of parts of one file, by part number.
type Hashes = BTreeMap<u32, String>;

/// Options of [`upload`].
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// File name at the server; the local name by default.
    pub name: Option<String>,
    /// Media type; guessed from the name by default.
    pub content_type: Option<String>,
    /// Namespace; the account's own by default.
    pub namespace: Option<String>,
    /// In parts (true) or in one request (false); decided by size if None.
    pub accelerate: Option<bool>,
    /// Number of parts in flight, 1..=64, fixed; if None, adapted to goodput up to the server's advice.
    pub threads: Option<usize>,
    /// Start a new session even if an open one of this file exists.
    pub fresh: bool,
    /// Send every byte, without deduplication.
    pub no_dedup: bool,
    /// Where the file is to lie; without a path if None.
    pub place: Option<Place>,
    /// How long to wait for the server's own check of the stored bytes; without waiting if None.
    pub verify_within: Option<Duration>,
}

/// Result of [`upload`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Uploaded {
    /// The stored file.
    pub asset: Asset,
    /// The session, if the file was sent in parts.
    pub session_id: Option<String>,
    /// Bytes that this run sent.
    pub bytes_sent: u64,
    /// Bytes of this session that an earlier run sent.
    pub bytes_resumed: u64,
    /// Bytes that deduplication saved.
    pub bytes_saved: u64,
    /// Parts that this run sent.
    pub parts_sent: usize,
    /// Parts and bytes of this run by edge, best-ranked first; empty if the file was sent in one request.
    pub edges: Vec<EdgeShare>,
    /// Duration without the wait for the server's check, ms.
    pub elapsed_ms: u64,
}

/// What one edge received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeShare {
    /// Edge id.
    pub edge: String,
    /// Parts.
    pub parts: usize,
    /// Bytes.
    pub bytes: u64,
}

/// Uploads the file at `path`; resumes an open session of it, if there is one.
///
/// # Errors
/// See [`Error`]. Parts sent before an error are kept at the server and not sent again by the next run. After [`Error::FileChanged`] nothing is kept.
/// With `verify_within` also [`Error::Mismatch`].
pub async fn upload(edge: &Edge, path: &Path, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    let file = LocalFile::stat(path).await?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => own_name(path)?,
    };
    upload_as(edge, &file, &name, options, progress).await
}

/// Uploads a file, as it was when it was looked at, under this name.
pub(crate) async fn upload_as(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    let started = tokio::time::Instant::now();
    let in_parts = options.accelerate.unwrap_or(file.size > MAX_SIMPLE_BYTES) && file.size > 0;
    let mut done = if in_parts {
        in_session(edge, file, name, options, Arc::clone(&progress)).await?
    } else {
        in_one(edge, file, name, options, Arc::clone(&progress)).await?
    };
    done.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(limit) = options.verify_within {
        done.asset = verified(edge, done.asset, limit, &progress).await?;
    }
    Ok(done)
}

/// The name of the file at `path`.
pub(crate) fn own_name(path: &Path) -> Result<String, Error> {
    let name = path.file_name().ok_or_else(|| Error::Usage(format!("{} has no file name", path.display())))?;
    let text =
        name.to_str().ok_or_else(|| Error::Usage(format!("the name of {} is not UTF-8; give the file another name for the server", path.display())));
    text.map(str::to_owned)
}

/// Uploads bytes in one request.
pub(crate) async fn upload_bytes(edge: &Edge, bytes: Bytes, name: &str, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    let started = tokio::time::Instant::now();
    progress(Event::Planned { total: bytes.len() as u64, already: 0, session: None });
    let hash = hash::of_bytes(bytes.clone()).await?;
    let mut done = post(edge, Content { name, hash, source: Source::Memory(bytes), time: None }, options, Arc::clone(&progress)).await?;
    done.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(limit) = options.verify_within {
        done.asset = verified(edge, done.asset, limit, &progress).await?;
    }
    Ok(done)
}

async fn in_one(edge: &Edge, file: &LocalFile, name: &str, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    progress(Event::Planned { total: file.size, already: 0, session: None });
    // A file that is small enough is read once: what is hashed, sent and perhaps sent again are the same bytes, whatever becomes of the file meanwhile.
    let (hash, source) = if file.size <= MAX_SIMPLE_BYTES {
        let bytes = file.read_whole().await?;
        (hash::of_bytes(bytes.clone()).await?, Source::Memory(bytes))
    } else {
        (hash::of_range(file, 0, file.size).await?, Source::File(file))
    };
    let time = kept_time(file, options.place.as_ref());
    post(edge, Content { name, hash, source, time }, options, progress).await
}

/// What is sent in one request.
struct Content<'a> {
    name: &'a str,
    hash: String,
    source: Source<'a>,
    /// Time of the last change, RFC 3339.
    time: Option<String>,
}

enum Source<'a> {
    Memory(Bytes),
    File(&'a LocalFile),
}

impl Source<'_> {
    fn size(&self) -> u64 {
        match self {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::File(file) => file.size,
        }
    }
}

async fn post(edge: &Edge, content: Content<'_>, options: &UploadOptions, progress: Progress) -> Result<Uploaded, Error> {
    let Content { name, hash, source, time } = content;
    let meter = Meter::new(progress, &edge.limit);
    let key = new_idempotency_key();
    let envelope: AssetEnvelope = retrying(&edge.retry, || async {
        meter.reset();
        let body = match &source {
            Source::Memory(bytes) => Body::wrap(InMemory::new(bytes.clone(), meter.clone())),
            Source::File(file) => Body::wrap(FileSlice::open(file, 0, file.size, meter.clone()).await?),
        };
        let mut request = edge
            .request(Method::POST, "/api/storage/upload")
            .header("X-File-Name", encode(name))
            .header("X-Content-SHA256", &hash)
            .header("Idempotency-Key", &key)
            .header("Content-Type", options.content_type.as_deref().unwrap_or(""));
        if let Some(namespace) = &options.namespace {
            request = request.header("X-Namespace", namespace);
        }
        if let Some(place) = &options.place {
            request = request.header("X-File-Path", encode(&place.path)).header("X-If-Exists", place.if_exists.as_str());
        }
        if let Some(time) = &time {
            request = request.header("X-Modified-At", time);
        }
        read(watched(request.body(body).send(), &meter, source.size()).await?).await
    })
    .await?;
    Ok(Uploaded { bytes_sent: source.size(), ..nothing_sent(envelope.asset) })
}

/// The time of the file's last change, if its place keeps it.
fn kept_time(file: &LocalFile, place: Option<&Place>) -> Option<String> {
    place.filter(|place| place.keep_time)?;
    file.modified_ms().and_then(rfc3339)
}

/// The result of a file for which nothing had to be sent.
fn nothing_sent(asset: Asset) -> Uploaded {
    let edges = Vec::new();
    Uploaded { asset, session_id: None, bytes_sent: 0, bytes_resumed: 0, bytes_saved: 0, parts_sent: 0, edges, elapsed_ms: 0 }
}

/// Waits for a response as long as the body makes progress; a fixed timeout would fail on slow links. An error of the local file is told as such.
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
            answer = &mut sending => return match meter.take_fault() {
                Some(error) => Err(error),
                None => Ok(answer?),
            },
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

#[cfg(test)]
#[path = "upload/changing_file_tests.rs"]
mod changing_file_tests;

#[cfg(test)]
#[path = "upload/overlap_tests.rs"]
mod overlap_tests;
