//! `jetty`: upload and download through JettySpeed edge.

mod config;
mod edges;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jettyspeed_client::{DownloadOptions, Edge, Error, PushOptions, UploadOptions, download, push, upload};
use serde_json::json;

use config::{Config, Given};
use show::Show;

/// Upload and download large files through JettySpeed edge.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 credentials refused, 4 not found, 5 does not fit (size or quota), 130 interrupted.
#[derive(Parser)]
#[command(name = "jetty", version, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    given: Given,
    /// Print one JSON object on standard output instead of text, without progress
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Upload a file; run again after an interruption, it goes on where it was
    Upload {
        /// The file
        file: PathBuf,
        /// The name it gets; its own by default
        #[arg(long)]
        name: Option<String>,
        /// Its media type; guessed from the name by default
        #[arg(long)]
        content_type: Option<String>,
        /// Namespace; the account's own by default
        #[arg(long)]
        namespace: Option<String>,
        /// Parts in flight, all the time; as many as prove to help by default, up to what the server advises
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
        threads: Option<u16>,
        /// Send in parallel parts, however small the file
        #[arg(long, conflicts_with = "no_accelerate")]
        accelerate: bool,
        /// Send in one request, however large the file
        #[arg(long)]
        no_accelerate: bool,
        /// Start over even if an open upload of this file exists
        #[arg(long)]
        fresh: bool,
        /// Send every byte, also what the server has
        #[arg(long)]
        no_dedup: bool,
    },
    /// Download a file by its id
    Download {
        /// The file's id (`jetty ls` shows it)
        id: String,
        /// Where to; the file's own name in the current folder by default
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// Ranges in flight
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
        threads: Option<u16>,
        /// Replace a file that is there
        #[arg(short, long)]
        force: bool,
    },
    /// Show how far an upload is
    Status {
        /// The session's id
        session: String,
    },
    /// Show the quota and usage of the account
    Quota,
    /// List the account's files, newest first
    Ls {
        /// Maximum number of files; all by default
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Videos: send a folder of playlists and segments, get a URL to play it by, delete it
    #[command(subcommand)]
    Video(Video),
    /// Show the edges that accept uploads, best first, with the terms of their scores
    Edges(edges::EdgesArgs),
    /// Show the configuration, or write what is given (--url, --key, --secret) into it
    Config,
}

#[derive(Subcommand)]
enum Video {
    /// Send a folder as ffmpeg writes it; existing files of the same names are replaced
    Push {
        /// The folder
        folder: PathBuf,
        /// The video's id; the folder's name by default
        #[arg(long)]
        id: Option<String>,
        /// Namespace; the account's own by default
        #[arg(long)]
        namespace: Option<String>,
        /// Files in flight
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
        threads: Option<u16>,
    },
    /// A URL that any HLS player takes
    Play {
        /// The video's id
        id: String,
        /// The playlist to begin with; index.m3u8 by default
        #[arg(long)]
        path: Option<String>,
        /// Seconds until the URL expires
        #[arg(long)]
        ttl: Option<u64>,
        /// Namespace; the account's own by default
        #[arg(long)]
        namespace: Option<String>,
    },
    /// Delete a video
    Rm {
        /// The video's id
        id: String,
        /// Namespace; the account's own by default
        #[arg(long)]
        namespace: Option<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let show = Show::new(arguments.json);
    tokio::select! {
        result = run(arguments, &show) => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                show.error(&error);
                ExitCode::from(code(&error))
            }
        },
        _ = tokio::signal::ctrl_c() => {
            show.interrupted();
            ExitCode::from(130)
        }
    }
}

/// The exit code of an error; see the command's help.
fn code(error: &Error) -> u8 {
    match (error, error.status()) {
        _ if error.code() == Some("bandwidth-exceeded") => 5,
        (Error::Usage(_), _) => 2,
        (_, Some(401 | 403)) => 3,
        (_, Some(404 | 410)) => 4,
        (_, Some(413 | 507)) => 5,
        _ => 1,
    }
}

async fn run(arguments: Arguments, show: &Show) -> Result<(), Error> {
    if let Command::Config = arguments.command {
        return config::command(&arguments.given, show);
    }
    let config = Config::effective(&arguments.given)?;
    let edge = Edge::new(&config.url, &config.key, &config.secret)?;
    match arguments.command {
        Command::Upload { file, name, content_type, namespace, threads, accelerate, no_accelerate, fresh, no_dedup } => {
            let accelerate = if accelerate || no_accelerate { Some(accelerate) } else { None };
            let options = UploadOptions { name, content_type, namespace, accelerate, threads: threads.map(usize::from), fresh, no_dedup };
            let done = upload(&edge, &file, &options, show.progress()).await?;
            show.uploaded(&done);
        }
        Command::Download { id, output, threads, force } => {
            let options = DownloadOptions { threads: threads.map(usize::from), force };
            let done = download(&edge, &id, output.as_deref(), &options, show.progress()).await?;
            show.downloaded(&done);
        }
        Command::Status { session } => show.status(&edge.session(&session, false).await?),
        Command::Quota => show.quota(&edge.quota().await?),
        Command::Ls { limit } => list(&edge, limit, show).await?,
        Command::Edges(wanted) => edges::command(&edge, &wanted, show).await?,
        Command::Video(command) => video(&edge, command, show).await?,
        Command::Config => {}
    }
    Ok(())
}

async fn video(edge: &Edge, command: Video, show: &Show) -> Result<(), Error> {
    match command {
        Video::Push { folder, id, namespace, threads } => {
            let own = folder.canonicalize().ok().and_then(|path| path.file_name()?.to_str().map(str::to_owned));
            let id = id.or(own).ok_or_else(|| Error::Usage("give the video an --id".to_owned()))?;
            let options = PushOptions { id, namespace, threads: threads.map(usize::from) };
            show.pushed(&push(edge, &folder, &options, show.progress()).await?);
        }
        Video::Play { id, path, ttl, namespace } => show.playback(&edge.playback(&id, namespace.as_deref(), path.as_deref(), ttl).await?),
        Video::Rm { id, namespace } => {
            edge.delete_video(&id, namespace.as_deref()).await?;
            show.deleted(&id);
        }
    }
    Ok(())
}

async fn list(edge: &Edge, limit: Option<usize>, show: &Show) -> Result<(), Error> {
    let most = limit.unwrap_or(usize::MAX);
    let mut files = Vec::new();
    let mut cursor: Option<String> = None;
    while files.len() < most {
        let page = edge.files(cursor.as_deref(), u32::try_from(most - files.len()).unwrap_or(500).clamp(1, 500)).await?;
        files.extend(page.files);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    if show.is_json() {
        show.json(&json!({ "files": files }));
    } else {
        show.files(&files);
    }
    Ok(())
}
