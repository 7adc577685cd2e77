//! Videos (docs/video.md): uploads a folder of playlists and segments, as ffmpeg writes it, file by file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::{Body, Method};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::body::{FileSlice, Meter};
use crate::edge::{Edge, encode, read, refused};
use crate::hash;
use crate::pool;
use crate::progress::{Event, Progress};
use crate::retry::retrying;
use crate::upload::watched;

/// Files in flight. Segments are small, so most of a request's time is latency.
const THREADS: usize = 8;

/// Options of [`push`].
#[derive(Debug, Clone, Default)]
pub struct PushOptions {
    /// The video's id.
    pub id: String,
    /// Namespace; the account's own by default.
    pub namespace: Option<String>,
    /// Maximum number of files in flight; 8 if None.
    pub threads: Option<usize>,
}

/// Result of [`push`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pushed {
    /// The video's id.
    pub video_id: String,
    /// Files sent.
    pub files: usize,
    /// Bytes sent.
    pub bytes: u64,
    /// The playlist to start with, if it can be determined.
    pub entry: Option<String>,
}

/// A URL to play a video.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Playback {
    /// Grants access to all files of the video, without credentials.
    pub url: String,
    /// When the URL expires, RFC 3339.
    pub expires_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    path: PathBuf,
    /// Relative path with `/`, regardless of the system.
    name: String,
    size: u64,
}

impl File {
    /// Upload order: segments, then media playlists, then the multivariant playlist, so that no published playlist names a missing file.
    fn round(&self) -> usize {
        match (self.name.to_ascii_lowercase().ends_with(".m3u8"), self.name.contains('/')) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        }
    }
}

/// Uploads every file below `folder`.
///
/// # Errors
/// [`Error::Usage`] for a folder without files; [`Error::File`]; errors of the server. Files that were sent are kept; sending again replaces them.
pub async fn push(edge: &Edge, folder: &Path, options: &PushOptions, progress: Progress) -> Result<Pushed, Error> {
    let files = files_below(folder)?;
    if files.is_empty() {
        return Err(Error::Usage(format!("{} has no files", folder.display())));
    }
    let bytes = files.iter().map(|file| file.size).sum();
    progress(Event::Planned { total: bytes, already: 0, session: None });
    for round in 0..3 {
        let these: Arc<Vec<File>> = Arc::new(files.iter().filter(|file| file.round() == round).cloned().collect());
        let pieces = (0..u32::try_from(these.len()).unwrap_or(u32::MAX)).collect();
        // Playlists at the top level one after the other, the entry last.
        let threads = if round == 2 { 1 } else { options.threads.unwrap_or(THREADS).max(1) };
        let (edge, options, progress) = (edge.clone(), Arc::new(options.clone()), progress.clone());
        pool::run(pieces, threads, move |piece| {
            let (these, edge, options, progress) = (Arc::clone(&these), edge.clone(), Arc::clone(&options), progress.clone());
            async move {
                match these.get(piece as usize) {
                    Some(file) => send(&edge, &options, file, progress).await,
                    None => Ok(()),
                }
            }
        })
        .await?;
    }
    Ok(Pushed { video_id: options.id.clone(), files: files.len(), bytes, entry: entry(&files) })
}

async fn send(edge: &Edge, options: &PushOptions, file: &File, progress: Progress) -> Result<(), Error> {
    let hash = hash::of_range(&file.path, 0, file.size).await?;
    let meter = Meter::new(progress);
    let name: Vec<String> = file.name.split('/').map(encode).collect();
    let target = format!("/api/video/{}/{}", encode(&options.id), name.join("/"));
    retrying(&edge.retry, || async {
        meter.reset();
        let body = FileSlice::open(&file.path, 0, file.size, meter.clone()).await?;
        let mut request = edge.request(Method::PUT, &target).header("X-Content-SHA256", &hash);
        if let Some(namespace) = &options.namespace {
            request = request.header("X-Namespace", namespace);
        }
        refused(watched(request.body(Body::wrap(body)).send(), &meter, file.size).await?).await.map(|_| ())
    })
    .await
}

fn files_below(folder: &Path) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    files.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(files)
}

/// Sort key: the entry playlist comes last.
fn order(file: &File) -> (usize, bool, &str) {
    (file.round(), is_entry(&file.name), &file.name)
}

fn is_entry(name: &str) -> bool {
    matches!(name, "index.m3u8" | "master.m3u8")
}

fn entry(files: &[File]) -> Option<String> {
    let named = |name: &str| files.iter().find(|file| file.name == name);
    let tops: Vec<&File> = files.iter().filter(|file| file.round() == 2).collect();
    let only = match tops.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    named("master.m3u8").or(named("index.m3u8")).or(only).map(|file| file.name.clone())
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let entry = entry.map_err(Error::file(folder))?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| Error::Usage(format!("{}: the name is not UTF-8", path.display())))?;
        // Hidden files of editors and file managers are not part of a video.
        if name.starts_with('.') {
            continue;
        }
        let meta = std::fs::metadata(&path).map_err(Error::file(&path))?;
        if meta.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            files.push(File { name: format!("{prefix}{name}"), size: meta.len(), path });
        }
    }
    Ok(())
}

impl Edge {
    /// A URL to play a video.
    ///
    /// # Errors
    /// 404 if the video does not exist.
    pub async fn playback(&self, video: &str, namespace: Option<&str>, path: Option<&str>, ttl_seconds: Option<u64>) -> Result<Playback, Error> {
        let body = json!({ "path": path, "ttl": ttl_seconds });
        let target = format!("/api/video/{}/playback", encode(video));
        retrying(&self.retry, || async {
            let request = self.in_namespace(Method::POST, &target, namespace).json(&body);
            read(request.send().await?).await
        })
        .await
    }

    /// Deletes a video.
    ///
    /// # Errors
    /// 404 if the video does not exist.
    pub async fn delete_video(&self, video: &str, namespace: Option<&str>) -> Result<(), Error> {
        let target = format!("/api/video/{}", encode(video));
        retrying(&self.retry, || async { refused(self.in_namespace(Method::DELETE, &target, namespace).send().await?).await.map(|_| ()) }).await
    }

    fn in_namespace(&self, method: Method, target: &str, namespace: Option<&str>) -> reqwest::RequestBuilder {
        let request = self.request(method, target);
        match namespace {
            Some(namespace) => request.header("X-Namespace", namespace),
            None => request,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_are_sent_after_the_files_they_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["master.m3u8", "a.m3u8", "720p/index.m3u8", "720p/0.ts", "keys/k.key", ".DS_Store"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        let files = files_below(folder.path()).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["720p/0.ts", "keys/k.key", "720p/index.m3u8", "a.m3u8", "master.m3u8"]);
        assert_eq!(entry(&files).as_deref(), Some("master.m3u8"));
        assert_eq!(entry(&files[..4]).as_deref(), Some("a.m3u8"));
        assert_eq!(entry(&files[..3]), None);
    }
}
