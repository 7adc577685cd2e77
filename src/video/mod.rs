//! Video: HLS file trees, stored file by file and played through one token (docs/video.md).

pub mod listing;
pub mod owner;
pub mod pages;
pub mod path;
pub mod place;
pub mod play_order;
pub mod playlist;
pub mod repository;
pub mod request;
