//! Receives all files below a prefix into a local folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::stream::{self, StreamExt};

use super::plan::Version;
use super::targets::{obstacle, targets};
use super::version;
use crate::Error;
use crate::api::Asset;
use crate::download::{DownloadOptions, fetch};
use crate::edge::Edge;
use crate::local_file::LocalFile;
use crate::paths::{check_prefix, of_milliseconds};
use crate::progress::{Event, Progress};

/// Files that are received at once.
const FILES_AT_ONCE: usize = 4;
/// What systems do with names unless told otherwise.
const FOLDS_CASE: bool = cfg!(any(windows, target_os = "macos"));

/// What became of one file.
#[derive(Debug)]
pub struct Received {
    /// Its path at the server.
    pub path: String,
    /// Where it is, or why it is not received.
    pub result: Result<PathBuf, Error>,
}

/// What became of the files of a folder.
#[derive(Debug, Default)]
pub struct FolderDownloaded {
    /// Files that were received, and those that were not.
    pub files: Vec<Received>,
    /// Files that were there already, with the same size and time.
    pub unchanged: usize,
    /// Bytes of the files that were received.
    pub bytes: u64,
}

/// Downloads all files below `prefix` into `folder`, which is made if it is not there, with the times of their last changes. Files that are there already with the
/// same size and time are left as they are; others are replaced with `force` only. Nothing is ever written out of the folder. One that fails does not keep the
/// others from being received.
///
/// # Errors
/// [`Error::Usage`] for what is no prefix, [`Error::NotFound`] if no file has it, and see [`Error`] for a listing that fails.
pub async fn download_folder(
    edge: &Edge,
    prefix: &str,
    folder: &Path,
    options: &DownloadOptions,
    namespace: Option<&str>,
    progress: Progress,
) -> Result<FolderDownloaded, Error> {
    let prefix = check_prefix(prefix).map_err(Error::Usage)?;
    let assets = edge.list(&prefix, true, usize::MAX, namespace).await?.files;
    if assets.is_empty() {
        return Err(Error::NotFound(format!("there are no files below '{prefix}'")));
    }
    let paths: Vec<&str> = assets.iter().map(|asset| asset.path.as_deref().unwrap_or_default()).collect();
    let mut done = FolderDownloaded::default();
    let mut wanted = Vec::new();
    for (asset, target) in assets.iter().zip(targets(&prefix, &paths, FOLDS_CASE)) {
        match target.map_err(Error::Clash).and_then(|target| step(asset, folder, &target, options.force)) {
            Ok(Some(path)) => wanted.push((asset, path)),
            Ok(None) => done.unchanged += 1,
            Err(error) => done.files.push(Received { path: asset.path.clone().unwrap_or_default(), result: Err(error) }),
        }
    }
    progress(Event::Planned { total: wanted.iter().map(|(asset, _)| asset.size).sum(), already: 0, session: None });
    let receiving = wanted.into_iter().map(|(asset, path)| {
        let progress = Arc::clone(&progress);
        async move { (asset, one(edge, asset, &path, options, progress).await.map(|()| path)) }
    });
    let mut receiving = stream::iter(receiving).buffer_unordered(FILES_AT_ONCE);
    while let Some((asset, result)) = receiving.next().await {
        done.bytes += if result.is_ok() { asset.size } else { 0 };
        done.files.push(Received { path: asset.path.clone().unwrap_or_default(), result });
    }
    done.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(done)
}

/// Where the file is to be written to; None if it is there already.
fn step(asset: &Asset, folder: &Path, target: &Path, force: bool) -> Result<Option<PathBuf>, Error> {
    if let Some(obstacle) = obstacle(folder, target) {
        return Err(Error::Clash(format!("{} is no folder; nothing is written through it", obstacle.display())));
    }
    let path = folder.join(target);
    let meta = match std::fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(path)),
        Err(source) => return Err(Error::File { path, source }),
    };
    if !meta.is_file() {
        return Err(Error::Clash(format!("{} is there and no regular file; it is left as it is", path.display())));
    }
    let local = Version { size: meta.len(), modified_ms: LocalFile::new(&path, &meta).modified_ms() };
    match (local.is_same(version(asset)), force) {
        (true, _) => Ok(None),
        (false, true) => Ok(Some(path)),
        (false, false) => Err(Error::Clash(format!("{} is another file; --force replaces it", path.display()))),
    }
}

async fn one(edge: &Edge, asset: &Asset, path: &Path, options: &DownloadOptions, progress: Progress) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(Error::file(parent))?;
    }
    let modified: Option<SystemTime> = version(asset).modified_ms.and_then(of_milliseconds);
    fetch(edge, asset, path, options, modified, progress).await
}
