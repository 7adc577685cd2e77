//! Downloads a file in parallel ranges; it appears under its name only once it is complete.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Serialize;
use tokio::sync::{Mutex, RwLock};

use crate::Error;
use crate::api::Asset;
use crate::edge::{Edge, refused};
use crate::hash;
use crate::pool;
use crate::progress::{Event, Progress};
use crate::resume::place;

/// Bytes per range: large enough to amortise a request's latency, small enough that eight of them share the work evenly.
const SLICE: u64 = 16 * 1024 * 1024;
/// Ranges in flight.
const THREADS: usize = 8;
/// A range that receives no bytes for this long is requested again.
const STALL: Duration = Duration::from_secs(60);

/// Options of [`download`].
#[derive(Debug, Clone, Default)]
pub struct DownloadOptions {
    /// Ranges in flight; 8 by default.
    pub threads: Option<usize>,
    /// Replace an existing file.
    pub force: bool,
}

/// Result of [`download`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Downloaded {
    /// The file's asset.
    pub asset: Asset,
    /// Where the file was written.
    pub path: PathBuf,
    /// Duration, ms.
    pub elapsed_ms: u64,
}

struct Receiving {
    edge: Edge,
    asset: Asset,
    url: RwLock<String>,
    /// ETag of the version that all ranges must belong to.
    etag: Mutex<Option<String>>,
    file: std::fs::File,
    path: PathBuf,
    progress: Progress,
}

/// Downloads file `id` to `path`, or under its own name into the current folder.
///
/// # Errors
/// See [`Error`]; after an error there is no file at `path`.
pub async fn download(edge: &Edge, id: &str, path: Option<&Path>, options: &DownloadOptions, progress: Progress) -> Result<Downloaded, Error> {
    let started = tokio::time::Instant::now();
    let asset = edge.file(id).await?;
    let path = match path {
        Some(path) if path.is_dir() => path.join(local_name(&asset.name)),
        Some(path) => path.to_owned(),
        None => PathBuf::from(local_name(&asset.name)),
    };
    if path.exists() && !options.force {
        return Err(Error::Usage(format!("{} exists; --force replaces it", path.display())));
    }
    let partial = {
        let mut name = path.clone().into_os_string();
        // A unique name, so that two downloads to the same path do not write into the same file.
        name.push(format!(".{:08x}.jetty-part", rand::random::<u32>()));
        PathBuf::from(name)
    };
    let file = std::fs::File::create_new(&partial).map_err(Error::file(&partial))?;
    let guard = RemoveOnDrop(Some(partial.clone()));
    file.set_len(asset.size).map_err(Error::file(&partial))?;
    progress(Event::Planned { total: asset.size, already: 0, session: None });
    let slices = u32::try_from(asset.size.div_ceil(SLICE)).map_err(|_| Error::Usage("the file is too large".to_owned()))?;
    let receiving = Arc::new(Receiving {
        edge: edge.clone(),
        url: RwLock::new(edge.download_url(id).await?),
        asset: asset.clone(),
        etag: Mutex::new(None),
        file,
        path: partial.clone(),
        progress: Arc::clone(&progress),
    });
    let shared = Arc::clone(&receiving);
    pool::run((1..=slices).collect(), options.threads.unwrap_or(THREADS).clamp(1, 64), move |slice| receive(Arc::clone(&shared), slice)).await?;
    progress(Event::Finishing);
    if let Some(expected) = &asset.sha256
        && *expected != hash::of_range(&partial, 0, asset.size).await?
    {
        return Err(Error::Unexpected("the downloaded bytes do not have the file's SHA-256".to_owned()));
    }
    receiving.file.sync_all().map_err(Error::file(&partial))?;
    std::fs::rename(&partial, &path).map_err(Error::file(&path))?;
    guard.keep();
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Downloaded { asset, path, elapsed_ms })
}

/// A file name without path components, so that the server's name cannot leave the current folder.
fn local_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    if matches!(last, "" | "." | "..") { "download".to_owned() } else { last.to_owned() }
}

struct RemoveOnDrop(Option<PathBuf>);

impl RemoveOnDrop {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn receive(receiving: Arc<Receiving>, slice: u32) -> Result<(), Error> {
    let (offset, length) = place(slice, SLICE, receiving.asset.size).ok_or_else(|| Error::Unexpected("a slice outside the file".to_owned()))?;
    let mut done = 0;
    let mut attempt = 1;
    loop {
        let before = done;
        let error = match try_receive(&receiving, offset, length, &mut done).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if error.code() == Some("token-expired") {
            *receiving.url.write().await = receiving.edge.download_url(&receiving.asset.id).await?;
        }
        // Received bytes are kept: only the rest is requested again, and progress resets the retry count.
        if done > before {
            attempt = 1;
        }
        let judged = if error.code() == Some("token-expired") { Error::Stalled } else { error };
        let Some(wait) = receiving.edge.retry.wait(attempt, &judged, rand::random()) else { return Err(judged) };
        (receiving.progress)(Event::Retrying { reason: judged.to_string() });
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

async fn try_receive(receiving: &Receiving, offset: u64, length: u64, done: &mut u64) -> Result<(), Error> {
    let url = receiving.url.read().await.clone();
    let range = format!("bytes={}-{}", offset + *done, offset + length - 1);
    let request = receiving.edge.plain(Method::GET, &url).header("Range", range).header("Accept-Encoding", "identity").send();
    let mut response = refused(tokio::time::timeout(STALL, request).await.map_err(|_| Error::Stalled)??).await?;
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Err(Error::Unreachable("the server ignored the range".to_owned()));
    }
    same_version(receiving, &response).await?;
    while let Some(block) = tokio::time::timeout(STALL, response.chunk()).await.map_err(|_| Error::Stalled)?? {
        let count = block.len() as u64;
        if *done + count > length {
            return Err(Error::Unexpected("more bytes than were asked for".to_owned()));
        }
        write_at(&receiving.file, &block, offset + *done).map_err(Error::file(&receiving.path))?;
        *done += count;
        (receiving.progress)(Event::Moved(count));
    }
    if *done < length { Err(Error::Unreachable("the answer was cut short".to_owned())) } else { Ok(()) }
}

/// Ranges of different versions must not be mixed.
async fn same_version(receiving: &Receiving, response: &reqwest::Response) -> Result<(), Error> {
    let etag = response.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut known = receiving.etag.lock().await;
    match (&*known, etag) {
        (Some(known), Some(etag)) if *known != etag => Err(Error::FileChanged(PathBuf::from(&receiving.asset.name))),
        (None, etag) => {
            *known = etag;
            Ok(())
        }
        _ => Ok(()),
    }
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
mod tests {
    use super::*;

    #[test]
    fn server_file_name_cannot_leave_current_folder() {
        assert_eq!(local_name("a/b/c.txt"), "c.txt");
        assert_eq!(local_name("..\\..\\evil.exe"), "evil.exe");
        assert_eq!(local_name("a/.."), "download");
        assert_eq!(local_name("plain"), "plain");
    }
}
