//! Files with secrets: for their owner only, and never half written.

use std::io::{Error, ErrorKind, Write};
use std::path::Path;

/// Replaces the file, or what a symbolic link leads to, by one with this text that only its owner can read, whatever the modes were before.
///
/// # Errors
/// The system's, and `InvalidInput` if something else than a regular file is there.
pub fn replace(path: &Path, text: &str) -> Result<(), Error> {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    let real = if is_link { path.canonicalize()? } else { path.to_owned() };
    if std::fs::metadata(&real).is_ok_and(|meta| !meta.is_file()) {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    // Created with mode 600 by the library.
    let mut file = tempfile::Builder::new().prefix(".jetty-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&real).map_err(|failed| failed.error)?;
    Ok(())
}

/// Whether others than the owner can read or write the file.
#[cfg(unix)]
pub fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 != 0)
}

/// Takes the file away from all but its owner.
///
/// # Errors
/// The system's.
#[cfg(unix)]
pub fn close_to_others(path: &Path) -> Result<(), Error> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
pub fn is_open_to_others(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
pub fn close_to_others(_: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn existing_0644_file_is_replaced_by_one_of_mode_0600_and_an_open_handle_never_sees_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let spy = std::fs::File::open(&path).unwrap();
        replace(&path, "secret").unwrap();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("secret", 0o600));
        assert_eq!(std::io::read_to_string(spy).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn new_folders_are_private_links_stay_and_other_things_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a/b/config.toml"), folder.path().join("link"));
        replace(&path, "1").unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap()), mode(&folder.path().join("a"))), (0o600, 0o700, 0o700));
        symlink(&path, &link).unwrap();
        replace(&link, "2").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "2");
        assert_eq!(replace(folder.path(), "3").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(replace(Path::new("/dev/null"), "3").unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn openness_is_seen_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        std::fs::write(&path, "").unwrap();
        for open in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(open)).unwrap();
            assert!(is_open_to_others(&path), "{open:o}");
            close_to_others(&path).unwrap();
            assert!(!is_open_to_others(&path), "{open:o}");
        }
    }
}
