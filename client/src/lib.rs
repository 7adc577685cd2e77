//! Upload and download through JettySpeed edge: the library that desktop applications link. The command `jetty` is a thin wrapper of it.
//!
//! ```no_run
//! # async fn example() -> Result<(), jettyspeed_client::Error> {
//! use jettyspeed_client::{Edge, UploadOptions, no_progress};
//!
//! let edge = Edge::new("https://edge.example.com", "jt_live_…", "jts_…")?;
//! let done = jettyspeed_client::upload(&edge, "film.mp4".as_ref(), &UploadOptions::default(), no_progress()).await?;
//! println!("{}", done.asset.id);
//! # Ok(()) }
//! ```
//!
//! The client stores no state: the server's record determines what was sent, so an upload resumes after a crash, from another folder or from
//! another machine. Memory use is independent of the file size: parts are hashed and sent from the file in small blocks.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod api;
mod batch;
mod body;
mod doctor;
mod download;
mod edge;
mod error;
mod folders;
mod hash;
mod lanes;
mod limit;
mod local_file;
mod local_name;
mod pace;
mod pages;
mod paths;
mod pool;
mod progress;
mod receipt;
pub mod resume;
pub mod retry;
#[cfg(test)]
mod stand_in;
mod stream;
pub mod text;
mod tls;
mod upload;
mod verification;
mod video;

pub use batch::{FileOutcome, upload_many};
pub use doctor::{Check, Doctor, DoctorOptions, Report, Status, check_ids};
pub use download::{DownloadOptions, Downloaded, download, download_to};
pub use edge::Edge;
pub use error::Error;
pub use folders::{
    FolderDownloaded, FolderOptions, FoldersUploaded, Received, SkippedFile, Transfer, Transferred, download_folder, transfer, upload_folders,
};
pub use limit::{Limit, Rate, Schedule};
pub use local_name::local_name;
pub use pages::Pages;
pub use paths::{IfExists, Listing, Place, check_path, check_prefix};
pub use progress::{Event, Progress, no_progress};
pub use receipt::{Verified, read_text, verify_file};
pub use stream::upload_stream;
pub use upload::{EdgeShare, UploadOptions, Uploaded, upload};
pub use video::{Playback, PushOptions, Pushed, Skipped, Video, VideoPage, push};
