//! The files of a video's folder: which are sent, in which order, and which are not.

use std::path::Path;

use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use crate::Error;
use crate::local_file::LocalFile;

/// Longest path at the server, bytes (docs/api.md, Video).
const MAX_PATH: usize = 512;

/// Names, in lower case, that systems and file managers leave in folders.
const LITTER: [&str; 9] =
    ["thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"];

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub local: LocalFile,
    /// Relative path with `/`, regardless of the system.
    pub name: String,
}

/// Something in the folder that is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its path.
    pub path: String,
    /// Why not.
    pub reason: String,
}

/// What is below a folder.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order in which they are sent.
    pub files: Vec<File>,
    pub skipped: Vec<Skipped>,
}

impl File {
    /// Upload order: segments, then media playlists, then the multivariant playlist, so that no published playlist names a missing file.
    pub fn round(&self) -> usize {
        match (self.name.to_ascii_lowercase().ends_with(".m3u8"), self.name.contains('/')) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        }
    }
}

/// Everything below the folder. Symbolic links are followed as long as they stay in it. What can not be a part of the video (FIFOs, devices, links that
/// lead nowhere, in a circle or out of the folder) is skipped; nothing is opened.
///
/// # Errors
/// [`Error::Usage`] for a path that is no folder, and for names that the server does not take; [`Error::File`] for what can not be read.
pub fn files_below(folder: &Path) -> Result<Found, Error> {
    if !std::fs::metadata(folder).map_err(Error::file(folder))?.is_dir() {
        return Err(Error::Usage(format!("{} is not a folder", folder.display())));
    }
    let root = folder.canonicalize().map_err(Error::file(folder))?;
    let mut found = Found::default();
    let mut skip = |path: &Path, reason: &str| found.skipped.push(Skipped { path: path.to_string_lossy().into_owned(), reason: reason.to_owned() });
    let mut walk = WalkDir::new(folder).follow_links(true).min_depth(1).into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let Some(reason) = unreachable_because(&error) else { return Err(read_error(folder, error)) };
                skip(error.path().unwrap_or(folder), reason);
                continue;
            }
        };
        let path = entry.path();
        if is_litter(&entry) {
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
            continue;
        }
        if entry.path_is_symlink() && !path.canonicalize().is_ok_and(|real| real.starts_with(&root)) {
            skip(path, "a link that leads out of the folder");
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
            continue;
        }
        if entry.file_type().is_file() {
            let meta = entry.metadata().map_err(|error| read_error(folder, error))?;
            found.files.push(File { name: name_at_server(folder, path)?, local: LocalFile::new(path, &meta) });
        } else if !entry.file_type().is_dir() {
            skip(path, "not a regular file");
        }
    }
    found.files.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(found)
}

/// Why a link can not be followed; None for other errors.
fn unreachable_because(error: &walkdir::Error) -> Option<&'static str> {
    let path = error.path()?;
    if error.loop_ancestor().is_some() {
        return Some("a link that leads in a circle");
    }
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    // A link to itself fails as ELOOP, which has no stable kind; any other unreadable target of a link is as useless to the video.
    is_link.then_some("a link that leads nowhere")
}

fn read_error(folder: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(folder).to_owned();
    Error::File { path, source: error.into() }
}

/// Hidden files, and what systems leave in folders: no part of a video, and nobody expects them to be sent.
fn is_litter(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().to_lowercase();
    name.starts_with('.') || LITTER.contains(&name.as_str())
}

/// The file's path in the video.
///
/// # Errors
/// [`Error::Usage`] for one that the server refuses: told before anything is sent.
fn name_at_server(folder: &Path, path: &Path) -> Result<String, Error> {
    let refused = |why: &str| Error::Usage(format!("{}: the name {why}; rename it", path.display()));
    let below = path.strip_prefix(folder).unwrap_or(path);
    let segments: Option<Vec<&str>> = below.iter().map(|segment| segment.to_str()).collect();
    let name = segments.ok_or_else(|| refused("is not UTF-8"))?.join("/");
    if name.contains('\\') || name.chars().any(char::is_control) {
        return Err(refused("has a backslash or a control character"));
    }
    if name.len() > MAX_PATH { Err(refused("is longer than 512 bytes with its folders")) } else { Ok(name) }
}

/// Sort key: the entry playlist comes last.
fn order(file: &File) -> (usize, bool, &str) {
    (file.round(), is_entry(&file.name), &file.name)
}

fn is_entry(name: &str) -> bool {
    matches!(name, "index.m3u8" | "master.m3u8")
}

/// The playlist to begin with.
pub fn entry(files: &[File]) -> Option<String> {
    let named = |name: &str| files.iter().find(|file| file.name == name);
    let tops: Vec<&File> = files.iter().filter(|file| file.round() == 2).collect();
    let only = match tops.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    named("master.m3u8").or(named("index.m3u8")).or(only).map(|file| file.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
    }

    fn names(found: &Found) -> Vec<&str> {
        found.files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn playlists_are_sent_after_the_files_they_name_and_litter_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &["master.m3u8", "a.m3u8", "720p/index.m3u8", "720p/0.ts", "keys/k.key"]);
        write(
            folder.path(),
            &[".DS_Store", "Thumbs.db", "720p/desktop.ini", "Desktop.ini", "._0.ts", "__MACOSX/720p/0.ts", "@eaDir/x", ".git/config"],
        );
        let found = files_below(folder.path()).unwrap();
        assert_eq!(names(&found), ["720p/0.ts", "keys/k.key", "720p/index.m3u8", "a.m3u8", "master.m3u8"]);
        assert_eq!(found.skipped, []);
        assert_eq!(entry(&found.files).as_deref(), Some("master.m3u8"));
        assert_eq!(entry(&found.files[..4]).as_deref(), Some("a.m3u8"));
        assert_eq!(entry(&found.files[..3]), None);
    }

    #[cfg(unix)]
    #[test]
    fn fifos_loops_and_links_to_nowhere_or_outside_are_skipped_with_the_reason() {
        use std::os::unix::fs::symlink;
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| folder.path().join(name);
        write(folder.path(), &["index.m3u8", "sub/0.ts"]);
        write(elsewhere.path(), &["secret", "more/secret"]);
        assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        symlink(folder.path(), at("sub/loop")).unwrap();
        symlink(at("self"), at("self")).unwrap();
        symlink(at("absent"), at("dangling")).unwrap();
        symlink(elsewhere.path().join("secret"), at("out")).unwrap();
        symlink(elsewhere.path(), at("outside")).unwrap();
        symlink(at("sub/0.ts"), at("1.ts")).unwrap();
        let found = files_below(folder.path()).unwrap();
        assert_eq!(names(&found), ["1.ts", "sub/0.ts", "index.m3u8"]);
        let mut reasons: Vec<_> = found.skipped.iter().map(|skipped| (skipped.path.rsplit('/').next().unwrap(), skipped.reason.as_str())).collect();
        reasons.sort_unstable();
        assert_eq!(
            reasons,
            [
                ("dangling", "a link that leads nowhere"),
                ("fifo", "not a regular file"),
                ("loop", "a link that leads in a circle"),
                ("out", "a link that leads out of the folder"),
                ("outside", "a link that leads out of the folder"),
                ("self", "a link that leads nowhere"),
                ("socket", "not a regular file"),
            ]
        );
        assert!(matches!(files_below(&at("fifo")), Err(Error::Usage(_))));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_the_server_does_not_take_are_refused_before_anything_is_sent() {
        use std::os::unix::ffi::OsStrExt;
        let deep = format!("{}/{}/{}", "a".repeat(200), "b".repeat(200), "c".repeat(111));
        for (name, why) in
            [(&b"na\xEFve.ts"[..], "not UTF-8"), (b"a\\b.ts", "backslash"), (b"a\nb.ts", "control character"), (deep.as_bytes(), "512 bytes")]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
            let refused = files_below(folder.path()).unwrap_err();
            assert!(matches!(&refused, Error::Usage(text) if text.contains(why)), "{refused:?}");
        }
    }
}
