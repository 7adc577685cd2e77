//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use jettyspeed_client::Schedule;

use crate::config::Given;
use crate::doctor::DoctorArgs;
use crate::edges::EdgesArgs;
use crate::folders::{Exists, LsArgs, RmArgs, TransferArgs};
use crate::limit::LimitArgs;

/// Upload and download large files through JettySpeed edge.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 credentials refused, 4 not found, 5 does not fit (size or quota), 6 what is stored is not what was sent,
/// 129, 130, 143 ended by a signal.
#[derive(Parser)]
#[command(name = "jetty", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub given: Given,
    /// Print one JSON object on standard output instead of text, without progress
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Upload files and folders; run again after an interruption, what is there is not sent again, and a large file goes on where it was
    Upload(UploadArgs),
    /// Download a file, or every file below a folder
    Download(DownloadArgs),
    /// Delete a file, or every file below a folder (-r)
    Rm(RmArgs),
    /// List the account's files, newest first, or those of a folder
    Ls(LsArgs),
    /// Move a file, or every file below a folder, to another path
    Mv(TransferArgs),
    /// Copy a file, or every file below a folder, to another path; the bytes are neither sent nor stored again
    Cp(TransferArgs),
    /// Show or change the limit of all commands that run
    Limit(LimitArgs),
    /// List the account's uploads in parts, newest first
    Sessions {
        /// Which
        #[arg(long, value_parser = ["open", "complete", "failed", "expired"], default_value = "open")]
        status: String,
        /// Maximum number of uploads; all by default
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Show how far an upload is
    Status {
        /// The session's id (`jetty sessions` shows it)
        session: String,
    },
    /// Give an open upload up; its parts are deleted
    Cancel {
        /// The session's id (`jetty sessions` shows it)
        session: String,
    },
    /// Videos: send a folder of playlists and segments, list them, get a URL to play one by, delete one
    #[command(subcommand)]
    Video(VideoCommand),
    /// Check a local file against its receipt: offline with --keys
    Verify {
        /// The file
        file: PathBuf,
        /// Its receipt, or the event `upload.completed` that has it
        receipt: PathBuf,
        /// The public keys (`GET /.well-known/jettyspeed-keys.json`); the server's by default
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
    },
    /// Show the quota and usage of the account
    Quota,
    /// Show the edges that accept uploads, best first, with the terms of their scores
    Edges(EdgesArgs),
    /// Examine a deployment: what works, what does not, and what to do about it. Exit code 1 if anything fails
    Doctor(DoctorArgs),
    /// Show the configuration, or write what is given (--url, --key, --secret) into it
    Config,
}

#[derive(Args)]
#[command(group(ArgGroup::new("source").required(true).args(["path", "file"])))]
pub struct UploadArgs {
    /// The file, or several: small ones are sent many to a request. With --to also folders, or - for standard input
    #[arg(value_name = "PATH")]
    path: Vec<PathBuf>,
    /// The file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The name it gets; its own by default
    #[arg(long)]
    pub name: Option<String>,
    /// Its media type; guessed from the name by default
    #[arg(long)]
    pub content_type: Option<String>,
    /// Namespace; the account's own by default
    #[arg(long)]
    pub namespace: Option<String>,
    /// Parts in flight, all the time; as many as prove to help by default, up to what the server advises
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: Option<u16>,
    /// Send in parallel parts, however small the file
    #[arg(long, conflicts_with = "no_accelerate")]
    pub accelerate: bool,
    /// Send in one request, however large the file
    #[arg(long)]
    pub no_accelerate: bool,
    /// Start over even if an open upload of this file exists
    #[arg(long)]
    pub fresh: bool,
    /// Send every byte, also what the server has
    #[arg(long)]
    pub no_dedup: bool,
    /// Seconds to wait for the server's own check of the stored bytes
    #[arg(long, value_name = "SECONDS", default_value_t = 30, conflicts_with = "no_verify", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub wait: u64,
    /// Do not wait for the server's own check of the stored bytes
    #[arg(long)]
    pub no_verify: bool,
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Bytes per second (800K, 20M), off, or times from which they hold ("08:00,5M 18:00,off"); `jetty limit` goes before it
    #[arg(long, value_name = "RATE", value_parser = Schedule::parse)]
    pub limit: Option<Schedule>,
}

/// Where files are to lie.
#[derive(Args)]
pub struct PlaceArgs {
    /// The folder at the server; files of a folder keep what their paths have below it. The path, for standard input and for a single file without a slash here
    #[arg(long, value_name = "PREFIX")]
    pub to: Option<String>,
    /// Only files of folders that this matches (*.jpg, sub/**); may be repeated
    #[arg(long, value_name = "GLOB", requires = "to")]
    pub include: Vec<String>,
    /// Without files and folders that this matches; may be repeated
    #[arg(long, value_name = "GLOB", requires = "to")]
    pub exclude: Vec<String>,
    /// If another file has the path; by default files of folders replace it, and others fail
    #[arg(long, value_enum, requires = "to")]
    pub if_exists: Option<Exists>,
    /// Folder of the temporary file that standard input of more than 8 MiB is written to; the system's by default
    #[arg(long, value_name = "DIR", requires = "to")]
    pub temp_dir: Option<PathBuf>,
}

impl UploadArgs {
    /// The files, however they were given.
    pub fn sources(&self) -> Vec<PathBuf> {
        self.path.iter().chain(&self.file).cloned().collect()
    }
}

#[derive(Args)]
pub struct DownloadArgs {
    /// The file's id or path (`jetty ls` shows them); a folder with a slash at the end: every file below it
    pub id: String,
    /// Where to, - for standard output; the file's own name in the current folder by default. For a folder the folder that its files go to
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// The name is that of a folder, also without a slash at the end
    #[arg(short, long)]
    pub recursive: bool,
    /// Namespace of a path; the account's own by default
    #[arg(long)]
    pub namespace: Option<String>,
    /// Bytes per second (800K, 20M), off, or times from which they hold ("08:00,5M 18:00,off"); `jetty limit` goes before it
    #[arg(long, value_name = "RATE", value_parser = Schedule::parse)]
    pub limit: Option<Schedule>,
    /// Ranges in flight
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: Option<u16>,
    /// Replace a file that is there; write into a device or FIFO
    #[arg(short, long)]
    pub force: bool,
}

#[derive(Subcommand)]
pub enum VideoCommand {
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
    /// List the videos, by id
    Ls {
        /// Maximum number of videos; all by default
        #[arg(long)]
        limit: Option<usize>,
        /// Namespace; the account's own by default
        #[arg(long)]
        namespace: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    fn parsed(arguments: &[&str]) -> Result<Arguments, ErrorKind> {
        Arguments::try_parse_from(std::iter::once("jetty").chain(arguments.iter().copied())).map_err(|error| error.kind())
    }

    fn upload(arguments: &[&str]) -> Result<UploadArgs, ErrorKind> {
        match parsed(arguments)?.command {
            Command::Upload(upload) => Ok(upload),
            _ => panic!("{arguments:?}"),
        }
    }

    #[test]
    fn file_is_given_in_one_of_two_ways() {
        for arguments in [&["upload", "a"][..], &["upload", "--file", "a"], &["upload", "--file=a"]] {
            assert_eq!(upload(arguments).map(|upload| upload.sources()).ok(), Some(vec![PathBuf::from("a")]), "{arguments:?}");
        }
        assert_eq!(upload(&["upload", "a", "b"]).map(|upload| upload.sources().len()), Ok(2));
        assert_eq!(upload(&["upload"]).err(), Some(ErrorKind::MissingRequiredArgument));
        assert_eq!(upload(&["upload", "a", "--file", "b"]).err(), Some(ErrorKind::ArgumentConflict));
    }

    #[test]
    fn the_wait_for_the_check_is_bounded_and_can_be_left_out() {
        let wait = |arguments: &[&str]| upload(arguments).map(|upload| (upload.wait, upload.no_verify));
        assert_eq!(wait(&["upload", "a"]), Ok((30, false)));
        assert_eq!(wait(&["upload", "a", "--wait", "5"]), Ok((5, false)));
        assert_eq!(wait(&["upload", "a", "--no-verify"]), Ok((30, true)));
        assert_eq!(wait(&["upload", "a", "--no-verify", "--wait", "5"]), Err(ErrorKind::ArgumentConflict));
        assert_eq!(wait(&["upload", "a", "--wait", "86401"]), Err(ErrorKind::ValueValidation));
    }

    #[test]
    fn options_of_places_need_one_and_limits_are_read_with_the_arguments() {
        for option in [&["--include", "*"][..], &["--exclude", "*"], &["--if-exists", "fail"], &["--temp-dir", "/tmp"]] {
            let alone = [&["upload", "a"], option].concat();
            assert_eq!(upload(&alone).err(), Some(ErrorKind::MissingRequiredArgument), "{option:?}");
            assert!(upload(&[&alone[..], &["--to", "x"]].concat()).is_ok(), "{option:?}");
        }
        let limit = |text: &str| upload(&["upload", "a", "--limit", text]).map(|upload| upload.limit.map(|limit| limit.to_string()));
        assert_eq!(limit("20m"), Ok(Some("20M".to_owned())));
        assert_eq!(limit("08:00,5M 18:00,off"), Ok(Some("08:00,5M 18:00,off".to_owned())));
        assert_eq!(limit("fast").err(), Some(ErrorKind::ValueValidation));
        for arguments in [&["rm", "a", "--yes"][..], &["rm", "a", "--dry-run"], &["mv", "a"]] {
            assert_eq!(parsed(arguments).err(), Some(ErrorKind::MissingRequiredArgument), "{arguments:?}");
        }
        assert_eq!(parsed(&["limit", "1M", "--clear"]).err(), Some(ErrorKind::ArgumentConflict));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_are_refused_and_paths_are_not() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let kind = |before: &[&str]| {
            let arguments = before.iter().map(OsStr::new).chain([OsStr::from_bytes(b"na\xEFve")]);
            Arguments::try_parse_from(arguments).map(|_| ()).map_err(|error| error.kind())
        };
        for before in [&["jetty", "upload", "a", "--name"][..], &["jetty", "rm"], &["jetty", "video", "push", "f", "--id"], &["jetty", "ls", "--key"]]
        {
            assert_eq!(kind(before), Err(ErrorKind::InvalidUtf8), "{before:?}");
        }
        for before in [&["jetty", "upload"][..], &["jetty", "upload", "--file"], &["jetty", "download", "id", "-o"], &["jetty", "video", "push"]] {
            assert_eq!(kind(before), Ok(()), "{before:?}");
        }
    }
}
