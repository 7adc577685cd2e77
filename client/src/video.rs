//! Videos (docs/video.md): uploads a folder of playlists and segments, as ffmpeg writes it, file by file.

mod folder;

use std::path::Path;
use std::sync::Arc;

use reqwest::{Body, Method};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::body::{FileSlice, Meter};
use crate::edge::{Edge, encode, read};
use crate::hash;
use crate::pool;
use crate::progress::{Event, Progress};
use crate::retry::retrying;
use crate::upload::watched;
pub use folder::Skipped;
use folder::{File, Found, files_below};

/// Files in flight. Segments are small, so most of a request's time is latency.
const THREADS: usize = 8;

/// Options of [`push`].
#[derive(Debug, Clone, Default)]
pub struct PushOptions {
    /// The video's id; the folder's name if None.
    pub id: Option<String>,
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
    /// What was not sent, but for hidden files and those that systems leave in folders.
    pub skipped: Vec<Skipped>,
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

/// One row of `GET /api/video`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Video {
    /// The video's id.
    pub video_id: String,
    /// Namespace.
    pub namespace: String,
    /// The playlist at its top level that players begin with, if it has a usual name.
    pub entry: Option<String>,
    /// When that playlist was last sent, RFC 3339.
    pub updated_at: Option<String>,
}

/// A page of `GET /api/video`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VideoPage {
    /// The rows.
    pub videos: Vec<Video>,
    /// Cursor of the next page.
    pub cursor: Option<String>,
}

/// Uploads every file below `folder`.
///
/// # Errors
/// [`Error::Usage`] for a folder without files, for names that the server does not take, and if the folder's name is no video id; [`Error::File`];
/// [`Error::FileChanged`]; errors of the server. Files that were sent are kept; sending again replaces them.
pub async fn push(edge: &Edge, folder: &Path, options: &PushOptions, progress: Progress) -> Result<Pushed, Error> {
    let id = video_id(folder, options.id.as_deref())?;
    let owned = folder.to_owned();
    let walked = tokio::task::spawn_blocking(move || files_below(&owned)).await;
    let Found { files, skipped } = walked.map_err(|error| Error::Unexpected(error.to_string()))??;
    for Skipped { path, reason } in &skipped {
        progress(Event::Skipped { path: path.into(), reason: reason.clone() });
    }
    if files.is_empty() {
        return Err(Error::Usage(format!("{} has no files", folder.display())));
    }
    let bytes = files.iter().map(|file| file.local.size).sum();
    progress(Event::Planned { total: bytes, already: 0, session: None });
    for round in 0..3 {
        let these: Arc<Vec<File>> = Arc::new(files.iter().filter(|file| file.round() == round).cloned().collect());
        let pieces = (0..u32::try_from(these.len()).unwrap_or(u32::MAX)).collect();
        // Playlists at the top level one after the other, the entry last.
        let threads = if round == 2 { 1 } else { options.threads.unwrap_or(THREADS).max(1) };
        let target = Arc::new((edge.clone(), id.clone(), options.namespace.clone()));
        let progress = progress.clone();
        pool::run(pieces, threads, move |piece| {
            let (these, target, progress) = (Arc::clone(&these), Arc::clone(&target), progress.clone());
            async move {
                match these.get(piece as usize) {
                    Some(file) => send(&target.0, &target.1, target.2.as_deref(), file, progress).await,
                    None => Ok(()),
                }
            }
        })
        .await?;
    }
    Ok(Pushed { video_id: id, files: files.len(), bytes, entry: folder::entry(&files), skipped })
}

/// The id of the video: the given one, or the folder's name.
///
/// # Errors
/// [`Error::Usage`] if it is none.
fn video_id(folder: &Path, given: Option<&str>) -> Result<String, Error> {
    let rule = "1 to 128 letters, digits, '.', '_' and '-' of ASCII, a letter or digit first";
    match given {
        Some(id) if is_id(id) => Ok(id.to_owned()),
        Some(id) => Err(Error::Usage(format!("'{id}' is no video id: {rule}"))),
        None => {
            let name =
                folder.canonicalize().map_err(Error::file(folder))?.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if is_id(&name) {
                return Ok(name);
            }
            let hint = like(&name).map_or_else(|| "--id ID".to_owned(), |id| format!("--id {id}"));
            Err(Error::Usage(format!("the folder's name '{name}' is no video id ({rule}): give the video another with {hint}")))
        }
    }
}

fn is_id(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.len() <= 128 && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && text.bytes().all(inner)
}

/// A video id that looks like the name, if any of it is left.
fn like(name: &str) -> Option<String> {
    let kept: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' }).collect();
    let words: Vec<&str> = kept.split('-').filter(|word| !word.is_empty()).collect();
    let id: String = words.join("-").trim_start_matches(['.', '_', '-']).chars().take(128).collect();
    is_id(&id).then_some(id)
}

async fn send(edge: &Edge, video: &str, namespace: Option<&str>, file: &File, progress: Progress) -> Result<(), Error> {
    let size = file.local.size;
    let hash = hash::of_range(&file.local, 0, size).await?;
    let meter = Meter::new(progress, &edge.limit);
    let name: Vec<String> = file.name.split('/').map(encode).collect();
    let target = format!("/api/video/{}/{}", encode(video), name.join("/"));
    retrying(&edge.retry, || async {
        meter.reset();
        let body = FileSlice::open(&file.local, 0, size, meter.clone()).await?;
        let request = edge.in_namespace(Method::PUT, &target, namespace).header("X-Content-SHA256", &hash).body(Body::wrap(body));
        read::<serde_json::Value>(watched(request.send(), &meter, size).await?).await.map(|_| ())
    })
    .await
}

impl Edge {
    /// A page of the videos of a namespace (the account's own if None), in the order of their ids.
    ///
    /// # Errors
    /// 404 if the account is not in the namespace.
    pub async fn videos(&self, namespace: Option<&str>, cursor: Option<&str>, limit: u32) -> Result<VideoPage, Error> {
        let limit = limit.to_string();
        let query = [("limit", limit.as_str()), ("cursor", cursor.unwrap_or(""))];
        self.call(|| self.in_namespace(Method::GET, "/api/video", namespace).query(&query)).await
    }

    /// A URL to play a video.
    ///
    /// # Errors
    /// 404 if the video does not exist.
    pub async fn playback(&self, video: &str, namespace: Option<&str>, path: Option<&str>, ttl_seconds: Option<u64>) -> Result<Playback, Error> {
        let body = json!({ "path": path, "ttl": ttl_seconds });
        let target = format!("/api/video/{}/playback", encode(video));
        self.call(|| self.in_namespace(Method::POST, &target, namespace).json(&body)).await
    }

    /// Deletes a video.
    ///
    /// # Errors
    /// 404 if the video does not exist.
    pub async fn delete_video(&self, video: &str, namespace: Option<&str>) -> Result<(), Error> {
        let target = format!("/api/video/{}", encode(video));
        self.remove(|| self.in_namespace(Method::DELETE, &target, namespace)).await
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
    fn folder_name_that_is_no_id_is_refused_with_a_hint_at_one_that_is() {
        let folder = tempfile::tempdir().unwrap();
        let id = |name: &str, given| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            video_id(&path, given).map_err(|error| error.to_string())
        };
        assert_eq!(id("film-1", None), Ok("film-1".to_owned()));
        assert_eq!(id("My Film", Some("film")), Ok("film".to_owned()));
        for (name, hint) in
            [("My Film (2026)", "--id My-Film-2026"), ("-x", "--id x"), ("Ünterwegs", "--id nterwegs"), ("映画", "--id ID"), ("_._", "--id ID")]
        {
            let refused = id(name, None).unwrap_err();
            assert!(refused.contains("is no video id") && refused.ends_with(hint), "{name}: {refused}");
        }
        for given in ["", "a b", "a/b", "..", &"x".repeat(129)] {
            assert!(id("film-1", Some(given)).unwrap_err().contains("is no video id"), "{given}");
        }
    }
}
