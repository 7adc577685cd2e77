//! Video: trees of playlists and segments, stored file by file and played through one token.

pub mod path;
pub mod place;
pub mod playlist;
pub mod repository;
pub mod request;
