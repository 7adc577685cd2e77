//! Code that exists on wasm32 only, call for call in the order of the files that each module names: a change of those needs the same change here.

pub mod complete;
pub mod dedup;
pub mod ending;
pub mod files;
pub mod jobs;
pub mod parts;
pub mod start;
pub mod verify;
