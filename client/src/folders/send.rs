//! Sends folders, so that files lie at the server as they do here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::plan::{Step, Version, plan};
use super::walk::{Filter, Found, Walked, walk};
use super::{SkippedFile, versions};
use crate::Error;
use crate::batch::{FileOutcome, Ready, send_all};
use crate::edge::Edge;
use crate::local_file::LocalFile;
use crate::paths::{IfExists, Place, check_path, check_prefix};
use crate::progress::{Event, Progress};
use crate::upload::{UploadOptions, own_name};

/// Options of [`upload_folders`].
#[derive(Debug, Clone, Default)]
pub struct FolderOptions {
    /// The folder at the server; empty for the outermost one. A single file gets it as its path if it does not end with a slash.
    pub to: String,
    /// Patterns of which one must match a file of a folder; all files if there is none.
    pub include: Vec<String>,
    /// Patterns of which none may match a file of a folder, or a folder that it lies in.
    pub exclude: Vec<String>,
    /// What happens if another file has a path. By default files of folders replace it, and single files are refused.
    pub if_exists: Option<IfExists>,
    /// The others; name, media type, accelerate, place and the wait for the server's check do not apply.
    pub upload: UploadOptions,
}

/// What became of the files of folders.
#[derive(Debug, Default)]
pub struct FoldersUploaded {
    /// Files that were sent, and those that are not stored, with why.
    pub files: Vec<FileOutcome>,
    /// Files that were there already, with the same size and time.
    pub unchanged: usize,
    /// What is not sent: links, and what is neither a file nor a folder.
    pub skipped: Vec<SkippedFile>,
    /// Bytes of the files that were sent.
    pub bytes: u64,
}

/// Uploads files and what is in folders to paths below a prefix. Files that are there already with the same size and time of their last change are left out, so
/// that the same call again sends what is missing. One that fails does not keep the others from being sent.
///
/// # Errors
/// [`Error::Usage`] for options that are wrong, and see [`Error`] for a listing that fails; nothing is sent then.
pub async fn upload_folders(edge: &Edge, paths: &[PathBuf], options: &FolderOptions, progress: Progress) -> Result<FoldersUploaded, Error> {
    let filter = Filter::new(&options.include, &options.exclude)?;
    let (paths, to) = (paths.to_vec(), options.to.clone());
    // Large folders take long, and an interrupt must end it.
    let gathering = tokio::task::spawn_blocking(move || gather(&paths, &to, &filter));
    let gathered = gathering.await.map_err(|error| Error::Unexpected(error.to_string()))??;
    let mut done = FoldersUploaded::default();
    for (path, reason) in gathered.skipped {
        progress(Event::Skipped { path: path.clone(), reason: reason.clone() });
        done.skipped.push(SkippedFile { path, reason });
    }
    done.files.extend(gathered.failed.into_iter().map(|(path, error)| FileOutcome { path, result: Err(Arc::new(error)) }));
    let namespace = options.upload.namespace.as_deref();
    let remote = match &gathered.listed {
        Some(prefix) => versions(edge.list(prefix, true, usize::MAX, namespace).await?.files),
        None => HashMap::new(),
    };
    // With what is usual for files of folders and for single files, one after the other.
    for (of_folder, usual) in [(true, IfExists::Replace), (false, IfExists::Fail)] {
        let files = gathered.files.iter().filter(|one| one.of_folder == of_folder).cloned().collect();
        send(edge, files, &remote, options.if_exists.unwrap_or(usual), options, &progress, &mut done).await;
    }
    Ok(done)
}

/// A file that may be sent.
#[derive(Debug, Clone)]
struct Candidate {
    file: LocalFile,
    /// Path at the server.
    path: String,
    of_folder: bool,
}

/// What is to be sent.
#[derive(Debug, Default)]
struct Gathered {
    files: Vec<Candidate>,
    skipped: Vec<(PathBuf, String)>,
    failed: Vec<(PathBuf, Error)>,
    /// The prefix that all paths of files have.
    listed: Option<String>,
}

fn gather(paths: &[PathBuf], to: &str, filter: &Filter) -> Result<Gathered, Error> {
    let mut gathered = Gathered::default();
    for path in paths {
        gathered.add(path, path.is_dir(), to, filter, paths.len() == 1)?;
    }
    Ok(gathered)
}

impl Gathered {
    fn add(&mut self, path: &Path, is_folder: bool, to: &str, filter: &Filter, is_only: bool) -> Result<(), Error> {
        if !is_folder && is_only && !to.is_empty() && !to.ends_with('/') {
            let to = check_path(to).map_err(|error| Error::Usage(format!("--to: {error}")))?;
            self.add_file(path, Ok(to.clone()));
            self.listed = Some(to);
            return Ok(());
        }
        let prefix = check_prefix(to).map_err(|error| Error::Usage(format!("--to: {error}")))?;
        if is_folder {
            let Walked { files, skipped, failed } = walk(path, filter);
            self.skipped.extend(skipped);
            self.failed.extend(failed);
            for Found { file, relative } in files {
                match check_path(&format!("{prefix}{relative}")) {
                    Ok(path) => self.files.push(Candidate { file, path, of_folder: true }),
                    Err(error) => self.failed.push((file.path, Error::Usage(error))),
                }
            }
        } else {
            let target = own_name(path).and_then(|name| check_path(&format!("{prefix}{name}")).map_err(Error::Usage));
            self.add_file(path, target);
        }
        self.listed = Some(prefix);
        Ok(())
    }

    fn add_file(&mut self, path: &Path, target: Result<String, Error>) {
        let file = std::fs::metadata(path).map_err(Error::file(path)).and_then(|meta| {
            if meta.is_file() { Ok(LocalFile::new(path, &meta)) } else { Err(Error::Usage(format!("{} is not a file", path.display()))) }
        });
        match file.and_then(|file| Ok((file, target?))) {
            Ok((file, target)) => self.files.push(Candidate { file, path: target, of_folder: false }),
            Err(error) => self.failed.push((path.to_owned(), error)),
        }
    }
}

async fn send(
    edge: &Edge,
    files: Vec<Candidate>,
    remote: &HashMap<String, Version>,
    if_exists: IfExists,
    options: &FolderOptions,
    progress: &Progress,
    done: &mut FoldersUploaded,
) {
    let locals: Vec<(String, Version)> = files.iter().map(|one| (one.path.clone(), one.version())).collect();
    let mut ready = Vec::new();
    for (position, (one, step)) in files.iter().zip(plan(&locals, remote, if_exists)).enumerate() {
        let clash = match step {
            Step::Same => {
                done.unchanged += 1;
                continue;
            }
            Step::Send => {
                let name = one.path.rsplit('/').next().unwrap_or(&one.path).to_owned();
                let place = Some(Place { path: one.path.clone(), if_exists, keep_time: true });
                ready.push(Ready { position, name, file: one.file.clone(), place });
                continue;
            }
            Step::Taken => format!("another file is at '{}'; --if-exists replace or keep-both sends this one, too", one.path),
            Step::Twice => format!("another file of this upload has the path '{}', too", one.path),
        };
        done.files.push(FileOutcome { path: one.file.path.clone(), result: Err(Arc::new(Error::Clash(clash))) });
    }
    if ready.is_empty() {
        return;
    }
    progress(Event::Planned { total: ready.iter().map(|one| one.file.size).sum(), already: 0, session: None });
    let upload = UploadOptions { verify_within: None, place: None, ..options.upload.clone() };
    let mut sent = send_all(edge, &ready, &upload, progress).await;
    sent.sort_by_key(|(position, _)| *position);
    for (position, result) in sent {
        let Some(one) = files.get(position) else { continue };
        done.bytes += if result.is_ok() { one.file.size } else { 0 };
        done.files.push(FileOutcome { path: one.file.path.clone(), result });
    }
}

impl Candidate {
    fn version(&self) -> Version {
        Version { size: self.file.size, modified_ms: self.file.modified_ms() }
    }
}
