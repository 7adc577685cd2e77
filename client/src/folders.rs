//! Folders: sent to paths below a prefix, and received from there. What is there already is neither sent nor received again.

mod operations;
mod plan;
mod receive;
mod send;
mod targets;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashMap;
use std::path::PathBuf;

use crate::api::Asset;
use crate::paths::parse_time;
pub use operations::{Transfer, Transferred, transfer};
use plan::Version;
pub use receive::{FolderDownloaded, Received, download_folder};
pub use send::{FolderOptions, FoldersUploaded, upload_folders};

/// Something in a folder that is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFile {
    /// What.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

/// The version of a stored file. One whose own time is not known has that of its upload.
fn version(asset: &Asset) -> Version {
    Version { size: asset.size, modified_ms: parse_time(asset.modified_at.as_deref().unwrap_or(&asset.created_at)) }
}

/// The versions of stored files, by path.
fn versions(assets: Vec<Asset>) -> HashMap<String, Version> {
    assets.into_iter().filter_map(|asset| Some((asset.path.clone()?, version(&asset)))).collect()
}
