//! Video: trees of playlists and segments, stored file by file and played through one token.

pub mod path;
pub mod place;
pub mod playlist;
pub mod request;
pub mod store;
pub mod token;

#[cfg(target_arch = "wasm32")]
pub mod amending;
#[cfg(target_arch = "wasm32")]
pub mod removal;
#[cfg(target_arch = "wasm32")]
pub mod routes;
#[cfg(target_arch = "wasm32")]
mod warm;
