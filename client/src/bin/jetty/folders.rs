//! Folders and paths: `jetty upload --to`, `download PREFIX/`, `ls PREFIX`, `mv`, `cp`, `rm`.

use std::fs::File;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use indicatif::DecimalBytes;
use jettyspeed_client::api::{Asset, Counted};
use jettyspeed_client::text::printable;
use jettyspeed_client::{
    DownloadOptions, Edge, Error, FileOutcome, FolderDownloaded, FolderOptions, FoldersUploaded, IfExists, Pages, Place, Transfer, Transferred,
    UploadOptions, check_path, check_prefix, download_folder, transfer, upload_folders, upload_stream,
};
use serde_json::{Value, json};

use crate::arguments::PlaceArgs;
use crate::show::Show;

/// What happens if another file has the path.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Exists {
    /// It is left as it is, and the new one is not stored
    Fail,
    /// It is replaced
    Replace,
    /// The new one gets a number
    KeepBoth,
}

impl From<Exists> for IfExists {
    fn from(given: Exists) -> IfExists {
        match given {
            Exists::Fail => IfExists::Fail,
            Exists::Replace => IfExists::Replace,
            Exists::KeepBoth => IfExists::KeepBoth,
        }
    }
}

#[derive(Args)]
pub struct LsArgs {
    /// List files and folders whose paths begin with this: `holiday/`; all files, newest first, by default
    prefix: Option<String>,
    /// With ids, times and sizes
    #[arg(short, long)]
    long: bool,
    /// Files in folders, too
    #[arg(short, long)]
    recursive: bool,
    /// Namespace; the account's own by default
    #[arg(long)]
    namespace: Option<String>,
    /// Maximum number of files and folders; all by default
    #[arg(long)]
    limit: Option<usize>,
}

#[derive(Args)]
pub struct TransferArgs {
    /// Path of a file, or of a folder with a slash at the end: every file below it
    from: String,
    /// The new path; a folder with a slash at the end
    to: String,
    /// If another file has the new path
    #[arg(long, value_enum, default_value = "fail")]
    if_exists: Exists,
    /// Namespace; the account's own by default
    #[arg(long)]
    namespace: Option<String>,
}

#[derive(Args)]
pub struct RmArgs {
    /// The file's path or id (`jetty ls` shows them); with -r a folder with a slash at the end
    file: String,
    /// Delete every file below a folder
    #[arg(short, long)]
    recursive: bool,
    /// Tell what would be deleted
    #[arg(long, requires = "recursive")]
    dry_run: bool,
    /// Do not ask
    #[arg(long, requires = "recursive")]
    yes: bool,
    /// Namespace; the account's own by default
    #[arg(long)]
    namespace: Option<String>,
}

/// Whether the text is the id of a file; anything else is a path.
fn is_id(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The id of a file that was named by it or by its path.
pub async fn id_of(edge: &Edge, text: &str, namespace: Option<&str>) -> Result<String, Error> {
    if is_id(text) { Ok(text.to_owned()) } else { edge.file_at(text, namespace).await.map(|file| file.id) }
}

/// `jetty upload PATH... --to PREFIX`.
pub async fn send(edge: &Edge, files: &[PathBuf], to: String, place: PlaceArgs, upload: UploadOptions, show: &Show) -> Result<(), Error> {
    if upload.name.is_some() || upload.content_type.is_some() || upload.accelerate.is_some() {
        return Err(Error::Usage("--name, --content-type, --accelerate and --no-accelerate do not go with --to".to_owned()));
    }
    let PlaceArgs { include, exclude, if_exists, .. } = place;
    let options = FolderOptions { to, include, exclude, if_exists: if_exists.map(IfExists::from), upload };
    let done = upload_folders(edge, files, &options, show.progress()).await?;
    show.folders_uploaded(&done);
    let failed = done.files.iter().filter(|outcome| outcome.result.is_err()).count();
    if failed == 0 { Ok(()) } else { Err(Error::Incomplete { failed, total: done.files.len() + done.unchanged }) }
}

/// `jetty upload - --to PATH`.
pub async fn send_stream(edge: &Edge, to: Option<&str>, place: PlaceArgs, upload: UploadOptions, show: &Show) -> Result<(), Error> {
    let to = to.ok_or_else(|| Error::Usage("standard input needs --to PATH, which it is stored at".to_owned()))?;
    let path = check_path(to).map_err(|error| Error::Usage(format!("--to: {error}")))?;
    let waits = upload.verify_within.is_some();
    let if_exists = place.if_exists.map(IfExists::from).unwrap_or_default();
    let options = UploadOptions { place: Some(Place { path, if_exists, keep_time: false }), ..upload };
    let input = standard_input().map_err(|source| Error::File { path: PathBuf::from("standard input"), source })?;
    let mut input = tokio::fs::File::from_std(input);
    let done = upload_stream(edge, &mut input, &options, place.temp_dir.as_deref(), show.progress()).await?;
    show.uploaded(&done, waits);
    Ok(())
}

/// Standard input without a buffer of its own.
fn standard_input() -> std::io::Result<File> {
    #[cfg(unix)]
    let owned = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned();
    #[cfg(windows)]
    let owned = std::os::windows::io::AsHandle::as_handle(&std::io::stdin()).try_clone_to_owned();
    owned.map(File::from)
}

/// `jetty download PREFIX/ -o DIR`.
pub async fn receive(
    edge: &Edge,
    prefix: &str,
    folder: Option<&Path>,
    options: &DownloadOptions,
    namespace: Option<&str>,
    show: &Show,
) -> Result<(), Error> {
    let folder = folder.unwrap_or(Path::new("."));
    if folder == Path::new("-") {
        return Err(Error::Usage("-o - is for one file; a folder needs -o DIR".to_owned()));
    }
    let done = download_folder(edge, prefix, folder, options, namespace, show.progress()).await?;
    show.folder_downloaded(&done);
    let failed = done.files.iter().filter(|file| file.result.is_err()).count();
    if failed == 0 { Ok(()) } else { Err(Error::NotReceived { failed, total: done.files.len() + done.unchanged }) }
}

/// `jetty ls`.
pub async fn ls(edge: &Edge, wanted: LsArgs, show: &Show) -> Result<(), Error> {
    let LsArgs { prefix, long, recursive, namespace, limit } = wanted;
    let most = limit.unwrap_or(usize::MAX);
    if prefix.is_none() && !long && !recursive && namespace.is_none() {
        let mut list = Pages::new(most);
        while let Some((cursor, limit)) = list.wanted() {
            let page = edge.files(cursor.as_deref(), limit).await?;
            list.add(page.files, page.cursor)?;
        }
        let files = list.into_rows();
        show.list(&json!({ "files": &files }), &files, Show::file);
        return Ok(());
    }
    let listing = edge.list(prefix.as_deref().unwrap_or_default(), recursive, most, namespace.as_deref()).await?;
    if show.is_json() {
        show.json(&listing);
        return Ok(());
    }
    for folder in &listing.prefixes {
        show.line(&if long { format!("{:36}  {:24}  {:>10}  {folder}", "-", "-", "-") } else { folder.clone() });
    }
    for file in &listing.files {
        let path = file.path.as_deref().unwrap_or_default();
        show.line(&if long { in_detail(file) } else { path.to_owned() });
    }
    Ok(())
}

fn in_detail(file: &Asset) -> String {
    let time = file.modified_at.as_deref().unwrap_or(&file.created_at);
    format!("{}  {time}  {:>10}  {}", file.id, DecimalBytes(file.size).to_string(), file.path.as_deref().unwrap_or_default())
}

/// `jetty mv` and `jetty cp`.
pub async fn moved(edge: &Edge, what: Transfer, wanted: &TransferArgs, show: &Show) -> Result<(), Error> {
    let TransferArgs { from, to, if_exists, namespace } = wanted;
    let done = transfer(edge, what, from, to, (*if_exists).into(), namespace.as_deref()).await?;
    show.transferred(&done);
    let failures: Vec<&Arc<Error>> = done.iter().filter_map(|one| one.result.as_ref().err()).collect();
    match (failures.len(), done.len()) {
        (0, _) => Ok(()),
        (failed, total) => Err(Error::NotMoved { failed, total }),
    }
}

/// `jetty rm`.
pub async fn rm(edge: &Edge, wanted: &RmArgs, show: &Show) -> Result<(), Error> {
    let RmArgs { file, recursive, dry_run, yes, namespace } = wanted;
    let namespace = namespace.as_deref();
    if !recursive {
        if file.ends_with('/') {
            return Err(Error::Usage(format!("'{file}' is a folder; -r deletes what is below it")));
        }
        edge.delete(&id_of(edge, file, namespace).await?).await?;
        show.deleted(file);
        return Ok(());
    }
    // Without the slash it would be the beginning of other names, too.
    if !file.ends_with('/') || check_prefix(file).map_err(Error::Usage)?.is_empty() {
        return Err(Error::Usage(format!(
            "-r deletes what is below a folder, which ends with a slash and is not the outermost one; '{file}' does not"
        )));
    }
    let prefix = check_prefix(file).map_err(Error::Usage)?;
    let counted = edge.delete_below(&prefix, true, namespace).await?;
    if *dry_run {
        show.counted(&counted, "would be deleted");
        return Ok(());
    }
    if counted.files == 0 {
        return Err(Error::NotFound(format!("there are no files below '{prefix}'")));
    }
    if !yes && !agreed(&counted).await? {
        return Err(Error::Usage("nothing was deleted".to_owned()));
    }
    show.counted(&edge.delete_below(&prefix, false, namespace).await?, "are being deleted");
    Ok(())
}

/// Asks whether that is to be deleted.
async fn agreed(counted: &Counted) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Usage(format!("{} would be deleted, and nobody can be asked; --yes deletes without asking", amount(counted))));
    }
    let question = format!("delete {} below '{}'? [y/N] ", amount(counted), printable(&counted.prefix));
    let answered = tokio::task::spawn_blocking(move || {
        eprint!("{question}");
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| matches!(answer.trim(), "y" | "Y" | "yes"))
    });
    let answered = answered.await.map_err(|error| Error::Usage(error.to_string()))?;
    answered.map_err(|source| Error::File { path: PathBuf::from("standard input"), source })
}

fn amount(counted: &Counted) -> String {
    let more = if counted.more { "more than " } else { "" };
    format!("{more}{} files ({})", counted.files, DecimalBytes(counted.bytes))
}

impl Show {
    fn folders_uploaded(&self, done: &FoldersUploaded) {
        let sent = done.files.iter().filter(|outcome| outcome.result.is_ok()).count();
        if self.is_json() {
            let skipped: Vec<Value> = done.skipped.iter().map(|one| json!({ "path": one.path.to_string_lossy(), "reason": one.reason })).collect();
            let files: Vec<Value> = done.files.iter().map(Show::outcome).collect();
            return self.json(&json!({ "files": files, "unchanged": done.unchanged, "skipped": skipped, "bytes": done.bytes }));
        }
        self.finished();
        for FileOutcome { path, result } in &done.files {
            match result {
                Ok(asset) => self.line(&format!("{}  {}", asset.id, asset.path.as_deref().unwrap_or(&asset.name))),
                Err(error) => self.notice(&format!("{}: {error}", path.display())),
            }
        }
        self.line(&format!("{sent} files sent ({}), {} unchanged, {} skipped", DecimalBytes(done.bytes), done.unchanged, done.skipped.len()));
    }

    fn folder_downloaded(&self, done: &FolderDownloaded) {
        if self.is_json() {
            let one = |file: &jettyspeed_client::Received| match &file.result {
                Ok(local) => json!({ "path": file.path, "local": local.to_string_lossy() }),
                Err(error) => json!({ "path": file.path, "error": error.to_string() }),
            };
            let files: Vec<Value> = done.files.iter().map(one).collect();
            return self.json(&json!({ "files": files, "unchanged": done.unchanged, "bytes": done.bytes }));
        }
        self.finished();
        let mut received = 0;
        for file in &done.files {
            match &file.result {
                Ok(local) => {
                    received += 1;
                    self.line(&local.to_string_lossy());
                }
                Err(error) => self.notice(&format!("{}: {error}", file.path)),
            }
        }
        self.line(&format!("{received} files received ({}), {} unchanged", DecimalBytes(done.bytes), done.unchanged));
    }

    fn transferred(&self, done: &[Transferred]) {
        if self.is_json() {
            let one = |one: &Transferred| match &one.result {
                Ok(asset) => json!({ "from": one.from, "asset": asset }),
                Err(error) => json!({ "from": one.from, "error": error.to_string() }),
            };
            return self.json(&json!({ "files": done.iter().map(one).collect::<Vec<_>>() }));
        }
        for Transferred { from, result } in done {
            match result {
                Ok(asset) => self.line(&format!("{}  {}", asset.id, asset.path.as_deref().unwrap_or_default())),
                Err(error) => self.notice(&format!("{from}: {error}")),
            }
        }
    }

    fn counted(&self, counted: &Counted, what: &str) {
        if self.is_json() {
            return self.json(counted);
        }
        self.line(&format!("{} below '{}' {what}", amount(counted), counted.prefix));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_paths() {
        assert!(is_id("00000000-0000-4000-8000-00000000abcd"));
        for path in ["", "a/b.txt", "00000000-0000-4000-8000-00000000abc", "0000000g-0000-4000-8000-000000000000", "00000000000040008000000000000000"]
        {
            assert!(!is_id(path), "{path}");
        }
    }
}
