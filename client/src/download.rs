//! Downloads a file in parallel ranges; it appears under its name only once it is complete. What is no regular file is written into, from beginning to end.

mod destination;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::Error;
use crate::api::Asset;
use crate::edge::Edge;
use crate::hash;
use crate::local_name::local_name;
use crate::pool;
use crate::progress::{Event, Progress};
use crate::resume::place;
use destination::{Destination, Partial};
use source::Source;

/// Bytes per range: large enough to amortise a request's latency, small enough that eight of them share the work evenly.
const SLICE: u64 = 16 * 1024 * 1024;
/// Ranges in flight.
const THREADS: usize = 8;

/// Options of [`download`].
#[derive(Debug, Clone, Default)]
pub struct DownloadOptions {
    /// Ranges in flight; 8 by default.
    pub threads: Option<usize>,
    /// Replace an existing file; write into a device or FIFO.
    pub force: bool,
}

/// Result of [`download`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Downloaded {
    /// The file's asset.
    pub asset: Asset,
    /// Where the file was written.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// Duration, ms.
    pub elapsed_ms: u64,
}

/// Paths need not be UTF-8, JSON is.
fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Downloads file `id` to `path`, or under its own name into the current folder. A symbolic link is followed; a device or FIFO is written into with `force`.
///
/// # Errors
/// See [`Error`]; after an error there is no file at `path`, or the one that was there before.
pub async fn download(edge: &Edge, id: &str, path: Option<&Path>, options: &DownloadOptions, progress: Progress) -> Result<Downloaded, Error> {
    let started = tokio::time::Instant::now();
    let asset = edge.file(id).await?;
    let path = match path {
        Some(path) if path.is_dir() => path.join(local_name(&asset.name)),
        Some(path) => path.to_owned(),
        None => PathBuf::from(local_name(&asset.name)),
    };
    let destination = Destination::examine(&path, options.force)?;
    progress(Event::Planned { total: asset.size, already: 0, session: None });
    match &destination {
        Destination::Stream(real) => {
            let real = real.clone();
            // Opening a FIFO waits for its reader.
            let opened = tokio::task::spawn_blocking(move || std::fs::File::options().write(true).open(real)).await;
            let file = opened.map_err(|error| Error::Unexpected(error.to_string()))?.map_err(Error::file(&path))?;
            let source = Source::new(edge, asset.clone(), progress).await?;
            in_order(&source, &mut tokio::fs::File::from_std(file), &path).await?;
        }
        Destination::New(_) | Destination::Replace { .. } => {
            let source = Source::new(edge, asset.clone(), progress).await?;
            in_file(source, &destination, options.threads, None).await?;
        }
    }
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Downloaded { asset, path, elapsed_ms })
}

/// Downloads a file of the account to `path`, with this time of its last change. What is there is replaced, if it is a regular file, with `force`.
pub(crate) async fn fetch(
    edge: &Edge,
    asset: &Asset,
    path: &Path,
    options: &DownloadOptions,
    modified: Option<SystemTime>,
    progress: Progress,
) -> Result<(), Error> {
    let destination = Destination::examine(path, options.force)?;
    in_file(Source::of_owner(edge, asset.clone(), progress), &destination, options.threads, modified).await
}

/// Receives a file beside its destination, and gives it its name once it is whole.
async fn in_file(source: Source, destination: &Destination, threads: Option<usize>, modified: Option<SystemTime>) -> Result<(), Error> {
    let partial = destination.partial(source.asset.size)?;
    in_ranges(source, &partial, threads).await?;
    if let Some(modified) = modified {
        partial.writer()?.set_modified(modified).map_err(Error::file(partial.path()))?;
    }
    destination.keep(partial)
}

/// Writes file `id` into `writer`, which `name` names in errors. The bytes are checked behind the last one, so an error may come when all are written.
///
/// # Errors
/// See [`Error`].
pub async fn download_to(
    edge: &Edge,
    id: &str,
    writer: &mut (impl AsyncWrite + Unpin),
    name: &Path,
    progress: Progress,
) -> Result<Downloaded, Error> {
    let started = tokio::time::Instant::now();
    let asset = edge.file(id).await?;
    progress(Event::Planned { total: asset.size, already: 0, session: None });
    let source = Source::new(edge, asset.clone(), progress).await?;
    in_order(&source, writer, name).await?;
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Downloaded { asset, path: name.to_owned(), elapsed_ms })
}

async fn in_ranges(source: Source, partial: &Partial, threads: Option<usize>) -> Result<(), Error> {
    let (size, expected) = (source.asset.size, source.asset.sha256.clone());
    let slices = u32::try_from(size.div_ceil(SLICE)).map_err(|_| Error::Usage("the file is too large".to_owned()))?;
    let progress = Arc::clone(&source.progress);
    let receiving = Arc::new((source, partial.writer()?, partial.path().to_owned()));
    pool::run((1..=slices).collect(), threads.unwrap_or(THREADS).clamp(1, 64), move |slice| receive(Arc::clone(&receiving), slice)).await?;
    progress(Event::Finishing);
    let hash = hash::of_open_file(partial.writer()?, size).await?.map_err(Error::file(partial.path()))?;
    must_be(expected.as_deref(), &hash)
}

fn must_be(expected: Option<&str>, hash: &str) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != hash => Err(Error::Unexpected("the downloaded bytes do not have the file's SHA-256".to_owned())),
        _ => Ok(()),
    }
}

/// Receives one slice into the file.
async fn receive(receiving: Arc<(Source, std::fs::File, PathBuf)>, slice: u32) -> Result<(), Error> {
    let (source, file, path) = &*receiving;
    let (offset, length) = place(slice, SLICE, source.asset.size).ok_or_else(|| Error::Unexpected("a slice outside the file".to_owned()))?;
    let (mut done, mut attempt) = (0, 1);
    loop {
        let before = done;
        let error = match receive_once(source, file, path, offset, length, &mut done).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        // Received bytes are kept: only the rest is requested again, and progress resets the retry count.
        attempt = if done > before { 1 } else { attempt };
        source.recover(error, attempt).await?;
        attempt += 1;
    }
}

async fn receive_once(source: &Source, file: &std::fs::File, path: &Path, offset: u64, length: u64, done: &mut u64) -> Result<(), Error> {
    let mut range = source.range(offset + *done, offset + length - 1).await?;
    while let Some(block) = range.next().await? {
        write_at(file, &block, offset + *done).map_err(Error::file(path))?;
        *done += block.len() as u64;
        (source.progress)(Event::Moved(block.len() as u64));
    }
    Ok(())
}

/// Receives the whole file from beginning to end.
async fn in_order(source: &Source, writer: &mut (impl AsyncWrite + Unpin), name: &Path) -> Result<(), Error> {
    let (mut done, mut attempt, mut hasher) = (0, 1, Sha256::new());
    while done < source.asset.size {
        let before = done;
        let error = match write_once(source, writer, name, &mut hasher, &mut done).await {
            Ok(()) => continue,
            Err(error) => error,
        };
        attempt = if done > before { 1 } else { attempt };
        source.recover(error, attempt).await?;
        attempt += 1;
    }
    writer.flush().await.map_err(Error::file(name))?;
    must_be(source.asset.sha256.as_deref(), &hash::hex(hasher.finalize()))
}

async fn write_once(source: &Source, writer: &mut (impl AsyncWrite + Unpin), name: &Path, hasher: &mut Sha256, done: &mut u64) -> Result<(), Error> {
    let mut range = source.range(*done, source.asset.size - 1).await?;
    while let Some(block) = range.next().await? {
        writer.write_all(&block).await.map_err(Error::file(name))?;
        hasher.update(&block);
        *done += block.len() as u64;
        (source.progress)(Event::Moved(block.len() as u64));
    }
    Ok(())
}

#[cfg(unix)]
fn write_at(file: &std::fs::File, block: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, block, offset)
}

#[cfg(windows)]
fn write_at(file: &std::fs::File, mut block: &[u8], mut offset: u64) -> std::io::Result<()> {
    while !block.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, block, offset)?;
        block = &block[count..];
        offset += count as u64;
    }
    Ok(())
}

#[cfg(test)]
#[path = "download/tests.rs"]
mod tests;
