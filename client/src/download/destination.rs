//! Where a download goes, and how its bytes get there without harm to what is there already.

use std::fs::{File, Metadata, Permissions};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Error;

/// Where a download goes.
#[derive(Debug)]
pub enum Destination {
    /// There is nothing yet.
    New(PathBuf),
    /// A regular file, which is replaced by another with its permissions.
    Replace {
        /// The file; behind a symbolic link the one that it leads to, so that the link stays.
        path: PathBuf,
        /// Its permissions.
        permissions: Permissions,
    },
    /// A device or a FIFO, which is written into.
    Stream(PathBuf),
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Stream,
    Other,
}

fn kind(meta: &Metadata) -> Kind {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = meta.file_type();
        if kind.is_char_device() || kind.is_block_device() || kind.is_fifo() {
            return Kind::Stream;
        }
    }
    match (meta.is_file(), meta.is_dir()) {
        (true, _) => Kind::File,
        (_, true) => Kind::Folder,
        _ => Kind::Other,
    }
}

impl Destination {
    /// What a download to `path` would do.
    ///
    /// # Errors
    /// [`Error::Usage`] for what must not be written to, or only with `force`; [`Error::File`].
    pub fn examine(path: &Path, force: bool) -> Result<Destination, Error> {
        let is_link = match std::fs::symlink_metadata(path) {
            Ok(meta) => meta.is_symlink(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Destination::New(path.to_owned())),
            Err(source) => return Err(Error::File { path: path.to_owned(), source }),
        };
        let refused = |why: &str| Err(Error::Usage(format!("{} {why}", path.display())));
        let Ok(real) = (if is_link { path.canonicalize() } else { Ok(path.to_owned()) }) else {
            return refused("is a symbolic link that leads nowhere; remove it, or name another file");
        };
        let meta = std::fs::metadata(&real).map_err(Error::file(path))?;
        match (kind(&meta), force) {
            (Kind::File, true) => Ok(Destination::Replace { path: real, permissions: meta.permissions() }),
            (Kind::File, false) => refused("exists; --force replaces it"),
            (Kind::Stream, true) => Ok(Destination::Stream(real)),
            (Kind::Stream, false) => refused("is a device or a FIFO; --force writes into it"),
            (Kind::Folder, _) => refused("is a folder"),
            (Kind::Other, _) => refused("is neither a file nor a folder, a device or a FIFO"),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Destination::New(path) | Destination::Replace { path, .. } | Destination::Stream(path) => path,
        }
    }

    /// A file of `size` bytes beside the destination, which is gone unless it is kept.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn partial(&self, size: u64) -> Result<Partial, Error> {
        let folder = match self.path().parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        // Not made of the file's own name, which may be as long as names can be.
        builder.prefix(".jetty-").suffix(".part").rand_bytes(10);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(Error::file(self.path()))?;
        file.as_file().set_len(size).map_err(Error::file(self.path()))?;
        Ok(Partial(file))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Error::Usage`] if somebody else has taken the name meanwhile; [`Error::File`].
    pub fn keep(&self, partial: Partial) -> Result<(), Error> {
        let Partial(file) = partial;
        file.as_file().sync_all().map_err(Error::file(self.path()))?;
        let kept = match self {
            Destination::Replace { path, permissions } => {
                if std::fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file()) {
                    return Err(Error::Usage(format!("{} is no regular file any more; nothing was replaced", path.display())));
                }
                file.as_file().set_permissions(permissions.clone()).map_err(Error::file(path))?;
                file.persist(path)
            }
            Destination::New(path) | Destination::Stream(path) => file.persist_noclobber(path),
        };
        kept.map(|_| ()).map_err(|failed| match failed.error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error::Usage(format!("{} was written by somebody else meanwhile and is left as it is; --force replaces it", self.path().display()))
            }
            _ => Error::File { path: self.path().to_owned(), source: failed.error },
        })
    }
}

/// A file that is not complete.
pub struct Partial(NamedTempFile);

impl Partial {
    /// Another handle of the file.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn writer(&self) -> Result<File, Error> {
        self.0.as_file().try_clone().map_err(Error::file(self.0.path()))
    }

    /// Where it is meanwhile.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
