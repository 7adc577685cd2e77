//! The file that is uploaded.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Error;

/// The file as it was when the upload began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    pub path: PathBuf,
    pub size: u64,
    modified: Option<SystemTime>,
}

impl LocalFile {
    /// # Errors
    /// [`Error::File`], and [`Error::Usage`] for what is not a file.
    pub async fn look(path: &Path) -> Result<LocalFile, Error> {
        let meta = tokio::fs::metadata(path).await.map_err(Error::file(path))?;
        if !meta.is_file() {
            return Err(Error::Usage(format!("{} is not a file", path.display())));
        }
        Ok(LocalFile { path: path.to_owned(), size: meta.len(), modified: meta.modified().ok() })
    }

    /// Whether it is still the same, as far as size and time tell.
    ///
    /// # Errors
    /// [`Error::FileChanged`] if not.
    pub async fn must_be_unchanged(&self) -> Result<(), Error> {
        if LocalFile::look(&self.path).await? == *self { Ok(()) } else { Err(Error::FileChanged(self.path.clone())) }
    }
}
