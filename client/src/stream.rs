//! Uploads what comes from a stream, whose length is not known before its end.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::Error;
use crate::edge::Edge;
use crate::local_file::LocalFile;
use crate::progress::Progress;
use crate::upload::{UploadOptions, Uploaded, upload_as, upload_bytes};

/// Up to this size, bytes, a stream is kept in memory and sent in one request.
const IN_MEMORY: usize = 8 * 1024 * 1024;

/// Uploads everything that `reader` gives, to the place of `options`. Up to 8 MiB are kept in memory and sent in one request; more is written to a temporary
/// file first, which has no name where the system allows that, in `folder` or in the system's folder for such files.
///
/// # Errors
/// [`Error::Usage`] without a place; [`Error::File`] for what can not be read or written; and those of [`upload`](crate::upload).
pub async fn upload_stream(
    edge: &Edge,
    reader: &mut (impl AsyncRead + Unpin),
    options: &UploadOptions,
    folder: Option<&Path>,
    progress: Progress,
) -> Result<Uploaded, Error> {
    let place = options.place.as_ref().ok_or_else(|| Error::Usage("a stream needs a path to be stored at".to_owned()))?;
    let name = place.path.rsplit('/').next().unwrap_or(&place.path).to_owned();
    let name = options.name.clone().unwrap_or(name);
    let (beginning, is_whole) = begin(reader).await?;
    if is_whole && options.accelerate != Some(true) {
        return upload_bytes(edge, beginning, &name, options, progress).await;
    }
    let folder = folder.map_or_else(std::env::temp_dir, Path::to_owned);
    let spool = Spool::new(&folder).map_err(Error::file(&folder))?;
    let mut writer = tokio::fs::File::from_std(spool.writer().map_err(Error::file(&folder))?);
    writer.write_all(&beginning).await.map_err(Error::file(&folder))?;
    drop(beginning);
    if !is_whole {
        copy(reader, &mut writer, &folder).await?;
    }
    writer.flush().await.map_err(Error::file(&folder))?;
    let file = LocalFile::stat(&spool.path).await?;
    upload_as(edge, &file, &name, options, progress).await
}

fn unread(source: std::io::Error) -> Error {
    Error::File { path: PathBuf::from("standard input"), source }
}

/// What fits into memory, and whether that is everything.
async fn begin(reader: &mut (impl AsyncRead + Unpin)) -> Result<(Bytes, bool), Error> {
    let mut bytes = BytesMut::new();
    // One byte more tells whether there is one.
    let mut limited = reader.take(IN_MEMORY as u64 + 1);
    while limited.read_buf(&mut bytes).await.map_err(unread)? > 0 {}
    let is_whole = bytes.len() <= IN_MEMORY;
    Ok((bytes.freeze(), is_whole))
}

async fn copy(reader: &mut (impl AsyncRead + Unpin), writer: &mut tokio::fs::File, folder: &Path) -> Result<(), Error> {
    let mut block = BytesMut::with_capacity(128 * 1024);
    while reader.read_buf(&mut block).await.map_err(unread)? > 0 {
        writer.write_all(&block).await.map_err(Error::file(folder))?;
        block.clear();
    }
    Ok(())
}

/// A temporary file that can be opened by a path.
struct Spool {
    kept: Kept,
    path: PathBuf,
}

enum Kept {
    /// Without a name: it is gone however the process ends.
    #[cfg(target_os = "linux")]
    Anonymous(File),
    Named(NamedTempFile),
}

impl Spool {
    fn new(folder: &Path) -> std::io::Result<Spool> {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let file = tempfile::tempfile_in(folder)?;
            // Opening this makes another handle of the file, with a position of its own (proc_pid_fd(5)).
            let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            if path.exists() {
                return Ok(Spool { kept: Kept::Anonymous(file), path });
            }
        }
        let file = tempfile::Builder::new().prefix(".jetty-").tempfile_in(folder)?;
        let path = file.path().to_owned();
        Ok(Spool { kept: Kept::Named(file), path })
    }

    fn writer(&self) -> std::io::Result<File> {
        match &self.kept {
            #[cfg(target_os = "linux")]
            Kept::Anonymous(file) => file.try_clone(),
            Kept::Named(file) => file.as_file().try_clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[tokio::test]
    async fn stream_of_8_mib_is_whole_in_memory_and_one_byte_more_is_not() {
        for (size, whole) in [(0, true), (1, true), (IN_MEMORY, true), (IN_MEMORY + 1, false), (IN_MEMORY + 5, false)] {
            let bytes = vec![7; size];
            let mut reader = &bytes[..];
            let (begun, is_whole) = begin(&mut reader).await.unwrap();
            assert_eq!((is_whole, begun.len() + reader.len()), (whole, size), "{size}");
        }
    }

    #[tokio::test]
    async fn temporary_file_is_readable_by_its_path_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path()).unwrap();
        spool.writer().unwrap().write_all(b"hello").unwrap();
        let file = LocalFile::stat(&spool.path).await.unwrap();
        assert_eq!(file.read_whole().await.unwrap(), "hello");
        assert_eq!(file.read_whole().await.unwrap(), "hello", "every handle begins at the beginning");
        #[cfg(target_os = "linux")]
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
        drop(spool);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    #[tokio::test]
    async fn short_stream_is_sent_in_one_request_to_its_path_without_a_time() {
        use crate::paths::{IfExists, Place};
        use crate::progress::no_progress;
        use crate::stand_in::{StandIn, asset_json, json_answer};
        use http_body_util::BodyExt;
        let server = StandIn::start(|head, body| async move {
            assert!(head.uri.path() == "/api/storage/upload" && !head.headers.contains_key("x-modified-at"));
            let sent = ["x-file-path", "x-if-exists", "x-file-name"].map(|name| head.headers[name].to_str().unwrap().to_owned());
            assert_eq!(sent, ["in%2Fa%20b", "keep-both", "a%20b"]);
            let length = body.collect().await.unwrap().to_bytes().len() as u64;
            json_answer(201, &serde_json::json!({ "asset": asset_json("a", length, "pending") }))
        })
        .await;
        let place = Place { path: "in/a b".to_owned(), if_exists: IfExists::KeepBoth, keep_time: false };
        let options = UploadOptions { place: Some(place), ..UploadOptions::default() };
        for bytes in ["", "hello"] {
            let done = upload_stream(&server.edge(), &mut bytes.as_bytes(), &options, None, no_progress()).await.unwrap();
            assert_eq!((done.asset.size, done.bytes_sent), (bytes.len() as u64, bytes.len() as u64));
        }
        let nowhere = upload_stream(&server.edge(), &mut &b""[..], &UploadOptions::default(), None, no_progress()).await;
        assert!(matches!(nowhere, Err(Error::Usage(_))), "{nowhere:?}");
    }
}
