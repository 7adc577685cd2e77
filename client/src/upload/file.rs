//! The local file of an upload.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Error;

/// Path, size and modification time of the file when the upload began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    pub path: PathBuf,
    pub size: u64,
    modified: Option<SystemTime>,
}

impl LocalFile {
    /// # Errors
    /// [`Error::File`], and [`Error::Usage`] if the path is not a regular file.
    pub async fn stat(path: &Path) -> Result<LocalFile, Error> {
        let meta = tokio::fs::metadata(path).await.map_err(Error::file(path))?;
        if !meta.is_file() {
            return Err(Error::Usage(format!("{} is not a file", path.display())));
        }
        Ok(LocalFile { path: path.to_owned(), size: meta.len(), modified: meta.modified().ok() })
    }

    /// Checks that size and modification time are unchanged.
    ///
    /// # Errors
    /// [`Error::FileChanged`] if they differ.
    pub async fn must_be_unchanged(&self) -> Result<(), Error> {
        if LocalFile::stat(&self.path).await? == *self { Ok(()) } else { Err(Error::FileChanged(self.path.clone())) }
    }
}
