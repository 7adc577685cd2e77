//! The files of a local folder.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::WalkDir;

use crate::Error;
use crate::local_file::LocalFile;

/// Which files of a folder are meant.
#[derive(Debug, Clone)]
pub struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Filter {
    /// Files that one of `include` matches, or all if there is none, without those that one of `exclude` matches, or that lie in a folder which one matches. A
    /// pattern without a slash is for names, another one for paths below the folder; `*` does not go beyond a slash, `**` does.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no pattern, with the pattern.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Filter, Error> {
        let include = if include.is_empty() { None } else { Some(set("--include", include)?) };
        Ok(Filter { include, exclude: set("--exclude", exclude)? })
    }

    fn takes(&self, relative: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(relative)) && !self.exclude.is_match(relative)
    }
}

fn set(option: &str, patterns: &[String]) -> Result<GlobSet, Error> {
    let wrong = |error: globset::Error| Error::Usage(format!("{option}: {error}"));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(glob(pattern).map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    let trimmed = pattern.trim_matches('/');
    let anywhere = if pattern.trim_end_matches('/').contains('/') { trimmed.to_owned() } else { format!("**/{trimmed}") };
    GlobBuilder::new(&anywhere).literal_separator(true).build()
}

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub file: LocalFile,
    /// Its path below the folder, with `/` on every system.
    pub relative: String,
}

/// What is in a folder.
#[derive(Debug, Default)]
pub struct Walked {
    /// In the order of their names, folder by folder.
    pub files: Vec<Found>,
    /// What is not sent, and why: links, and what is neither a file nor a folder.
    pub skipped: Vec<(PathBuf, String)>,
    /// What can not be read, or has a name that the server does not take.
    pub failed: Vec<(PathBuf, Error)>,
}

/// Everything below the folder that the filter takes. Symbolic links are not followed, but for the folder itself; nothing is opened.
pub fn walk(folder: &Path, filter: &Filter) -> Walked {
    let mut walked = Walked::default();
    let mut walk = WalkDir::new(folder).min_depth(1).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                walked.failed.push(unread(folder, error));
                continue;
            }
        };
        let (path, kind) = (entry.path(), entry.file_type());
        let Some(relative) = relative(folder, path) else {
            walked.failed.push((path.to_owned(), Error::Usage("the name is not UTF-8, and the server takes nothing else".to_owned())));
            if kind.is_dir() {
                walk.skip_current_dir();
            }
            continue;
        };
        if kind.is_dir() {
            if filter.exclude.is_match(&relative) {
                walk.skip_current_dir();
            }
        } else if !filter.takes(&relative) {
            // Not a word about it.
        } else if kind.is_symlink() {
            walked.skipped.push((path.to_owned(), "is a symbolic link".to_owned()));
        } else if kind.is_file() {
            match entry.metadata() {
                Ok(meta) => walked.files.push(Found { file: LocalFile::new(path, &meta), relative }),
                Err(error) => walked.failed.push(unread(folder, error)),
            }
        } else {
            walked.skipped.push((path.to_owned(), "is neither a file nor a folder".to_owned()));
        }
    }
    walked
}

/// The path below the folder with `/`; None if it is not UTF-8.
fn relative(folder: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(folder).ok()?;
    let segments: Option<Vec<&str>> = below.components().map(|component| component.as_os_str().to_str()).collect();
    Some(segments?.join("/"))
}

fn unread(folder: &Path, error: walkdir::Error) -> (PathBuf, Error) {
    let path = error.path().unwrap_or(folder).to_owned();
    let source = error.into_io_error().unwrap_or_else(|| std::io::Error::other("the folder leads back into itself"));
    (path.clone(), Error::File { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path, include: &[&str], exclude: &[&str]) -> Vec<String> {
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let filter = Filter::new(&texts(include), &texts(exclude)).unwrap();
        walk(folder, &filter).files.into_iter().map(|found| found.relative).collect()
    }

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        folder
    }

    #[test]
    fn pattern_without_a_slash_is_for_names_and_one_with_a_slash_for_paths() {
        let folder = folder(&["a.jpg", "b.txt", "sub/c.jpg", "sub/deep/d.txt", ".git/e", "sub/.git/f"]);
        let names = |include: &[&str], exclude: &[&str]| names(folder.path(), include, exclude);
        assert_eq!(names(&[], &[".git"]), ["a.jpg", "b.txt", "sub/c.jpg", "sub/deep/d.txt"]);
        assert_eq!(names(&["*.jpg"], &[]), ["a.jpg", "sub/c.jpg"]);
        assert_eq!(names(&["sub/*"], &[]), ["sub/c.jpg"]);
        assert_eq!(names(&["sub/**"], &["*.txt", "/sub/.git"]), ["sub/c.jpg"]);
        assert_eq!(names(&["/b.txt"], &[]), ["b.txt"]);
        assert_eq!(names(&[], &["sub/", ".git/"]), ["a.jpg", "b.txt"]);
        assert!(Filter::new(&["a[".to_owned()], &[]).unwrap_err().to_string().contains("--include"));
    }

    #[cfg(unix)]
    #[test]
    fn link_device_and_name_that_is_not_utf_8_are_named_and_do_not_stop_the_rest() {
        use std::os::unix::ffi::OsStrExt;
        let folder = folder(&["a", "sub/b"]);
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("/etc", at("link")).unwrap();
        std::os::unix::fs::symlink("a", at("sub/link")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"na\xEFve")), "").unwrap();
        let walked = walk(folder.path(), &Filter::new(&[], &[]).unwrap());
        assert_eq!(walked.files.iter().map(|found| found.relative.as_str()).collect::<Vec<_>>(), ["a", "sub/b"]);
        assert_eq!(walked.skipped.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>(), [at("fifo"), at("link"), at("sub/link")]);
        assert_eq!(walked.failed.len(), 1);
        let absent = walk(&at("absent"), &Filter::new(&[], &[]).unwrap());
        assert!(matches!(&absent.failed[..], [(_, Error::File { .. })]), "{absent:?}");
    }
}
