//! Many files: the small ones many to a request, the others one after the other.

mod archive;
mod plan;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use reqwest::{Body, Method};
use serde::Deserialize;

use crate::Error;
use crate::api::{Asset, Problem};
use crate::batch::archive::{Item, archive, digest};
use crate::batch::plan::group;
use crate::body::{InMemory, Meter};
use crate::edge::{Edge, new_idempotency_key, read};
use crate::local_file::LocalFile;
use crate::paths::{IfExists, Place};
use crate::progress::{Event, Progress, no_progress};
use crate::retry::retrying;
use crate::upload::{UploadOptions, own_name, upload_as, watched};

/// Batches in flight.
const BATCHES_AT_ONCE: usize = 4;
/// What each of them gets at least under a limit, bytes per second: the server refuses an archive that comes with less than 64 KB/s.
const LEAST_PER_BATCH: u64 = 150_000;

/// What became of one file.
#[derive(Debug)]
pub struct FileOutcome {
    /// The file.
    pub path: PathBuf,
    /// The stored file, or why it is not stored; files of one request may share the reason.
    pub result: Result<Asset, Arc<Error>>,
}

/// The position of a file among all, and what became of it.
pub(crate) type Sent = (usize, Result<Asset, Arc<Error>>);

/// A file that is going to be sent.
pub(crate) struct Ready {
    /// Its position among all.
    pub position: usize,
    /// Its name at the server.
    pub name: String,
    /// The file as it was when it was looked at.
    pub file: LocalFile,
    /// Where it is to lie. All files of a run have one or none has, with the same `if_exists`.
    pub place: Option<Place>,
}

impl Ready {
    /// Name or path in an archive.
    fn archived(&self) -> &str {
        self.place.as_ref().map_or(&self.name, |place| &place.path)
    }
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<FileAnswer>,
    #[serde(default)]
    problem: Option<Box<Problem>>,
}

#[derive(Deserialize)]
struct FileAnswer {
    index: usize,
    status: u16,
    #[serde(default)]
    asset: Option<Asset>,
    #[serde(default)]
    problem: Option<Box<Problem>>,
}

/// Uploads files: what became of each, in their order. Of `options` name, media type and accelerate do not apply. A file that fails does not keep the others
/// from being sent.
pub async fn upload_many(edge: &Edge, paths: &[PathBuf], options: &UploadOptions, progress: Progress) -> Vec<FileOutcome> {
    let mut sent: Vec<Sent> = Vec::with_capacity(paths.len());
    let mut ready = Vec::new();
    for (position, path) in paths.iter().enumerate() {
        match stat(path).await {
            Ok((name, file)) => ready.push(Ready { position, name, file, place: None }),
            Err(error) => sent.push((position, Err(Arc::new(error)))),
        }
    }
    progress(Event::Planned { total: ready.iter().map(|one| one.file.size).sum(), already: 0, session: None });
    sent.extend(send_all(edge, &ready, options, &progress).await);
    sent.sort_by_key(|(position, _)| *position);
    sent.into_iter().filter_map(|(position, result)| Some(FileOutcome { path: paths.get(position)?.clone(), result })).collect()
}

/// Sends files, as [`upload_many`] does: what became of each, in any order. Their total was told before.
pub(crate) async fn send_all(edge: &Edge, ready: &[Ready], options: &UploadOptions, progress: &Progress) -> Vec<Sent> {
    let mut sent = Vec::with_capacity(ready.len());
    let sizes: Vec<(u64, usize)> = ready.iter().map(|one| (one.file.size, one.archived().len())).collect();
    let (batches, alone) = group(&sizes);
    let sending = batches.iter().map(|batch| {
        let files: Vec<&Ready> = batch.iter().filter_map(|position| ready.get(*position)).collect();
        send_batch(edge, files, options, Arc::clone(progress))
    });
    let mut batches_sent = stream::iter(sending).buffer_unordered(edge.limit.bodies(BATCHES_AT_ONCE, LEAST_PER_BATCH));
    while let Some(results) = batches_sent.next().await {
        sent.extend(results);
    }
    let options = UploadOptions { name: None, content_type: None, accelerate: None, ..options.clone() };
    for one in alone.iter().filter_map(|position| ready.get(*position)) {
        let options = UploadOptions { place: one.place.clone(), ..options.clone() };
        let result = upload_as(edge, &one.file, &one.name, &options, without_plan(progress)).await;
        sent.push((one.position, result.map(|done| done.asset).map_err(Arc::new)));
    }
    sent
}

/// The total of all files was told before.
fn without_plan(progress: &Progress) -> Progress {
    let listener = Arc::clone(progress);
    Arc::new(move |event| {
        if !matches!(event, Event::Planned { .. }) {
            listener(event);
        }
    })
}

async fn stat(path: &Path) -> Result<(String, LocalFile), Error> {
    Ok((own_name(path)?, LocalFile::stat(path).await?))
}

/// Sends a batch; a file that may pass when it is sent again is then sent alone.
async fn send_batch(edge: &Edge, files: Vec<&Ready>, options: &UploadOptions, progress: Progress) -> Vec<Sent> {
    let (mut results, mut read) = (Vec::new(), Vec::new());
    for one in files {
        match one.file.read_whole().await {
            Ok(bytes) => read.push((one, bytes)),
            Err(error) => results.push((one.position, Err(Arc::new(error)))),
        }
    }
    let (read, items): (Vec<&Ready>, Vec<Item>) = read.into_iter().map(|(one, bytes)| (one, item(one, bytes))).unzip();
    let if_exists = read.iter().find_map(|one| one.place.as_ref()).map(|place| place.if_exists);
    let answer = match pack(items).await {
        Ok(packed) => post(edge, packed, options, if_exists, progress).await,
        Err(error) => Err(error),
    };
    let Answer { results: mut answers, problem: stopped } = match answer {
        Ok(answer) => answer,
        // A limit, or a slow line: one by one files are not read whole, and may come as slowly as they do.
        Err(error) if error.code() == Some("body-too-slow") => Answer { results: Vec::new(), problem: None },
        Err(error) => {
            let error = Arc::new(error);
            results.extend(read.iter().map(|one| (one.position, Err(Arc::clone(&error)))));
            return results;
        }
    };
    let options = UploadOptions { name: None, content_type: None, accelerate: Some(false), verify_within: None, ..options.clone() };
    for (index, one) in read.iter().enumerate() {
        let told = answers.iter_mut().find(|answer| answer.index == index);
        let refused = |status, problem: Option<Box<Problem>>| Err(Error::Refused { status, problem: problem.unwrap_or_default(), retry_after: None });
        let result = match told.map(|answer| (answer.status, answer.asset.take(), answer.problem.take())) {
            Some((_, Some(asset), _)) => Ok(asset),
            Some((status, None, problem)) => refused(status, problem),
            // The server did not come to it.
            None => refused(503, stopped.clone()),
        };
        let result = match result {
            Err(error) if error.is_transient() => {
                let options = UploadOptions { place: one.place.clone(), ..options.clone() };
                upload_as(edge, &one.file, &one.name, &options, no_progress()).await.map(|done| done.asset)
            }
            result => result,
        };
        results.push((one.position, result.map_err(Arc::new)));
    }
    results
}

fn item(one: &Ready, bytes: Bytes) -> Item {
    let modified_ms = one.place.as_ref().filter(|place| place.keep_time).and_then(|_| one.file.modified_ms());
    Item { name: one.archived().to_owned(), bytes, modified_ms }
}

/// An archive and its `Content-Digest`.
struct Packed {
    bytes: Bytes,
    digest: String,
}

/// Hashing a batch takes tens of milliseconds, so that it has a thread of its own.
async fn pack(items: Vec<Item>) -> Result<Packed, Error> {
    let packing = move || {
        let archive = archive(&items)?;
        Ok(Packed { digest: digest(&archive), bytes: archive.into() })
    };
    tokio::task::spawn_blocking(packing).await.map_err(|error| Error::Unexpected(error.to_string()))?
}

async fn post(
    edge: &Edge,
    Packed { bytes, digest }: Packed,
    options: &UploadOptions,
    if_exists: Option<IfExists>,
    progress: Progress,
) -> Result<Answer, Error> {
    let key = new_idempotency_key();
    let length = bytes.len() as u64;
    let meter = Meter::new(progress, &edge.limit);
    retrying(&edge.retry, || async {
        meter.reset();
        let mut request = edge
            .request(Method::POST, "/api/storage/batch")
            .header("Content-Type", "application/x-tar")
            .header("Content-Digest", &digest)
            .header("Idempotency-Key", &key);
        if let Some(namespace) = &options.namespace {
            request = request.header("X-Namespace", namespace);
        }
        if let Some(if_exists) = if_exists {
            // The paths in the archive are whole.
            request = request.header("X-Path-Prefix", "").header("X-If-Exists", if_exists.as_str());
        }
        let body = Body::wrap(InMemory::new(bytes.clone(), meter.clone()));
        read(watched(request.body(body).send(), &meter, length).await?).await
    })
    .await
}

#[cfg(test)]
mod tests;
