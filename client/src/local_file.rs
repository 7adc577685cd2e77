//! Local files that are read: regular ones only, and the same from the first byte to the last.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use crate::Error;
use crate::paths::milliseconds;

/// Path, size and modification time of a file when its transfer began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Path.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    modified: Option<SystemTime>,
}

/// Opens a regular file for reading. Anything else is refused without being waited for: opening a FIFO would block until somebody writes into it.
///
/// # Errors
/// The system's, and `InvalidInput` for what is no regular file.
pub fn open_regular(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true);
    // Without effect on regular files (POSIX, open).
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file")) }
}

impl LocalFile {
    /// # Errors
    /// [`Error::File`], and [`Error::Usage`] if the path is not a regular file.
    pub async fn stat(path: &Path) -> Result<LocalFile, Error> {
        let meta = tokio::fs::metadata(path).await.map_err(Error::file(path))?;
        if !meta.is_file() {
            return Err(Error::Usage(format!("{} is not a file", path.display())));
        }
        Ok(LocalFile::new(path, &meta))
    }

    /// The file at `path` with this metadata.
    pub fn new(path: &Path, meta: &Metadata) -> LocalFile {
        LocalFile { path: path.to_owned(), size: meta.len(), modified: meta.modified().ok() }
    }

    /// Time of the last change, ms since 1970; None if the file system has none.
    pub fn modified_ms(&self) -> Option<u64> {
        self.modified.map(milliseconds)
    }

    /// Whether the metadata is that of the file as it was.
    pub fn is_same(&self, meta: &Metadata) -> bool {
        meta.len() == self.size && meta.modified().ok() == self.modified
    }

    /// Checks that size and modification time are unchanged.
    ///
    /// # Errors
    /// [`Error::FileChanged`] if they differ.
    pub async fn must_be_unchanged(&self) -> Result<(), Error> {
        if LocalFile::stat(&self.path).await? == *self { Ok(()) } else { Err(self.changed()) }
    }

    /// The error of a file that is not as it was.
    pub fn changed(&self) -> Error {
        Error::FileChanged(self.path.clone())
    }

    /// What an error of reading the file means.
    pub fn read_error(&self, source: std::io::Error) -> Error {
        match source.kind() {
            std::io::ErrorKind::UnexpectedEof => self.changed(),
            _ => Error::File { path: self.path.clone(), source },
        }
    }

    /// Opens the file, if it is as it was. Blocks the thread for the time of a disk access.
    ///
    /// # Errors
    /// [`Error::FileChanged`], [`Error::File`].
    pub fn open(&self) -> Result<File, Error> {
        let file = open_regular(&self.path).map_err(Error::file(&self.path))?;
        if self.is_same(&file.metadata().map_err(Error::file(&self.path))?) { Ok(file) } else { Err(self.changed()) }
    }

    /// All bytes of the file, if it did not change while they were read: for files of a few MB.
    ///
    /// # Errors
    /// [`Error::FileChanged`], [`Error::File`].
    pub async fn read_whole(&self) -> Result<Bytes, Error> {
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let file = this.open()?;
            let mut bytes = Vec::with_capacity(usize::try_from(this.size).unwrap_or_default());
            (&file).take(this.size).read_to_end(&mut bytes).map_err(Error::file(&this.path))?;
            let same = bytes.len() as u64 == this.size && this.is_same(&file.metadata().map_err(Error::file(&this.path))?);
            if same { Ok(Bytes::from(bytes)) } else { Err(this.changed()) }
        });
        read.await.map_err(|error| Error::Unexpected(error.to_string()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn file_that_grew_or_shrank_is_reported_as_changed_by_every_way_to_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for now in ["longer", "s"] {
            std::fs::write(&path, "text").unwrap();
            let file = LocalFile::stat(&path).await.unwrap();
            assert_eq!(file.read_whole().await.unwrap(), "text");
            std::fs::write(&path, now).unwrap();
            assert!(matches!(file.open(), Err(Error::FileChanged(_))), "{now}");
            assert!(matches!(file.read_whole().await, Err(Error::FileChanged(_))), "{now}");
            assert!(matches!(file.must_be_unchanged().await, Err(Error::FileChanged(_))), "{now}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn fifo_is_refused_at_once_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(open_regular(&path).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        assert!(open_regular(folder.path()).is_err());
    }
}
