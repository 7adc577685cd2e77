//! What exists on wasm32 only, call for call in the order of the files that each module names. Who changes those changes these.

pub mod complete;
pub mod dedup;
pub mod ending;
pub mod files;
pub mod jobs;
pub mod parts;
pub mod start;
pub mod verify;
