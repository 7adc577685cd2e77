//! What each subcommand does.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jettyspeed_client::{
    DownloadOptions, Edge, Error, Pages, PushOptions, Transfer, UploadOptions, download, download_to, push, read_text, upload, upload_many,
    verify_file,
};
use serde_json::json;

use crate::arguments::{Arguments, Command, DownloadArgs, UploadArgs, VideoCommand};
use crate::config::{self, Config, Given, Typed};
use crate::doctor;
use crate::edges;
use crate::folders;
use crate::limit;
use crate::show::Show;

/// Runs the command: its exit code.
pub async fn run(arguments: Arguments, typed: &Typed, running: &doctor::Running, show: &Show) -> Result<u8, Error> {
    match arguments.command {
        Command::Config => config::command(&arguments.given, typed, show).map(|()| 0),
        Command::Limit(wanted) => limit::command(&wanted, show).map(|()| 0),
        Command::Doctor(wanted) => doctor::command(&Config::with_or_without_account(&arguments.given)?, wanted, running, show).await,
        Command::Verify { file, receipt, keys } => verify(&arguments.given, file, &receipt, keys.as_deref(), show).await.map(|()| 0),
        _ => of_account(arguments, show).await.map(|()| 0),
    }
}

/// Checks a file against its receipt; without keys, with those of the server.
async fn verify(given: &Given, file: PathBuf, receipt: &Path, keys: Option<&Path>, show: &Show) -> Result<(), Error> {
    let receipt = read_text(receipt)?;
    let keys = match keys {
        Some(keys) => read_text(keys)?,
        None => Edge::new(&Config::with_or_without_account(given)?.url, "", "")?.receipt_keys().await?,
    };
    // Reading a large file takes long, and an interrupt must end it.
    let checked = tokio::task::spawn_blocking(move || verify_file(&file, &receipt, &keys)).await;
    show.verified(&checked.map_err(|error| Error::Usage(error.to_string()))??);
    Ok(())
}

/// Runs a command that needs an account.
async fn of_account(arguments: Arguments, show: &Show) -> Result<(), Error> {
    let config = Config::effective(&arguments.given)?;
    let edge = Edge::new(&config.url, &config.key, &config.secret)?;
    match arguments.command {
        Command::Upload(wanted) => send(&edge, wanted, show).await?,
        Command::Download(wanted) => fetch(&edge, wanted, show).await?,
        Command::Rm(wanted) => folders::rm(&edge, &wanted, show).await?,
        Command::Ls(wanted) => folders::ls(&edge, wanted, show).await?,
        Command::Mv(wanted) => folders::moved(&edge, Transfer::Move, &wanted, show).await?,
        Command::Cp(wanted) => folders::moved(&edge, Transfer::Copy, &wanted, show).await?,
        Command::Sessions { status, limit } => {
            let mut list = Pages::new(limit.unwrap_or(usize::MAX));
            while let Some((cursor, limit)) = list.wanted() {
                let page = edge.sessions(&status, cursor.as_deref(), limit).await?;
                list.add(page.sessions, page.cursor)?;
            }
            let sessions = list.into_rows();
            show.list(&json!({ "sessions": &sessions }), &sessions, Show::session);
        }
        Command::Status { session } => show.status(&edge.session(&session, false).await?),
        Command::Cancel { session } => {
            edge.fail(&session).await?;
            show.cancelled(&session);
        }
        Command::Quota => show.quota(&edge.quota().await?),
        Command::Edges(wanted) => edges::command(&edge, &wanted, show).await?,
        Command::Video(command) => video(&edge, command, show).await?,
        Command::Config | Command::Doctor(_) | Command::Verify { .. } | Command::Limit(_) => {}
    }
    Ok(())
}

async fn send(edge: &Edge, wanted: UploadArgs, show: &Show) -> Result<(), Error> {
    let files = wanted.sources();
    let accelerate = if wanted.accelerate || wanted.no_accelerate { Some(wanted.accelerate) } else { None };
    let verify_within = if wanted.no_verify { None } else { Some(Duration::from_secs(wanted.wait)) };
    let UploadArgs { name, content_type, namespace, threads, fresh, no_dedup, place: mut at, limit, .. } = wanted;
    let threads = threads.map(usize::from);
    let options = UploadOptions { name, content_type, namespace, accelerate, threads, fresh, no_dedup, place: None, verify_within };
    limit::hold(edge, limit);
    let to = at.to.take();
    if files == [Path::new("-")] {
        return folders::send_stream(edge, to.as_deref(), at, options, show).await;
    }
    if let Some(to) = to {
        return folders::send(edge, &files, to, at, options, show).await;
    }
    let [file] = &files[..] else {
        if options.name.is_some() || options.content_type.is_some() || options.accelerate.is_some() {
            return Err(Error::Usage("--name, --content-type, --accelerate and --no-accelerate are for one file".to_owned()));
        }
        let outcomes = upload_many(edge, &files, &options, show.progress()).await;
        show.uploaded_many(&outcomes);
        let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
        return if failed == 0 { Ok(()) } else { Err(Error::Incomplete { failed, total: outcomes.len() }) };
    };
    let done = upload(edge, file, &options, show.progress()).await?;
    show.uploaded(&done, verify_within.is_some());
    Ok(())
}

async fn fetch(edge: &Edge, wanted: DownloadArgs, show: &Show) -> Result<(), Error> {
    let DownloadArgs { id, output, recursive, namespace, limit, threads, force } = wanted;
    limit::hold(edge, limit);
    let options = DownloadOptions { threads: threads.map(usize::from), force };
    if recursive || id.ends_with('/') {
        return folders::receive(edge, &id, output.as_deref(), &options, namespace.as_deref(), show).await;
    }
    let id = folders::id_of(edge, &id, namespace.as_deref()).await?;
    if output.as_deref() == Some(Path::new("-")) {
        if show.is_json() {
            return Err(Error::Usage("--json and -o - both want standard output".to_owned()));
        }
        let name = Path::new("standard output");
        let out = standard_output().map_err(|source| Error::File { path: name.to_owned(), source })?;
        let done = download_to(edge, &id, &mut tokio::fs::File::from_std(out), name, show.progress()).await?;
        show.streamed(&done);
        return Ok(());
    }
    show.downloaded(&download(edge, &id, output.as_deref(), &options, show.progress()).await?);
    Ok(())
}

/// Standard output without the buffer that breaks at lines.
fn standard_output() -> std::io::Result<File> {
    #[cfg(unix)]
    let owned = std::os::fd::AsFd::as_fd(&std::io::stdout()).try_clone_to_owned();
    #[cfg(windows)]
    let owned = std::os::windows::io::AsHandle::as_handle(&std::io::stdout()).try_clone_to_owned();
    owned.map(File::from)
}

async fn video(edge: &Edge, command: VideoCommand, show: &Show) -> Result<(), Error> {
    match command {
        VideoCommand::Push { folder, id, namespace, threads } => {
            let options = PushOptions { id, namespace, threads: threads.map(usize::from) };
            show.pushed(&push(edge, &folder, &options, show.progress()).await?);
        }
        VideoCommand::Ls { limit, namespace } => {
            let mut list = Pages::new(limit.unwrap_or(usize::MAX));
            while let Some((cursor, limit)) = list.wanted() {
                let page = edge.videos(namespace.as_deref(), cursor.as_deref(), limit).await?;
                list.add(page.videos, page.cursor)?;
            }
            let videos = list.into_rows();
            show.list(&json!({ "videos": &videos }), &videos, Show::video);
        }
        VideoCommand::Play { id, path, ttl, namespace } => show.playback(&edge.playback(&id, namespace.as_deref(), path.as_deref(), ttl).await?),
        VideoCommand::Rm { id, namespace } => {
            edge.delete_video(&id, namespace.as_deref()).await?;
            show.deleted(&id);
        }
    }
    Ok(())
}
