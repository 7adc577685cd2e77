//! Test harness: `fixtures` starts stacks, `builders` makes accounts, sessions, assets, files and namespaces in them, `client` calls them,
//! `assertions` reads the answers, `bucket` looks into the store directly, bypassing the Worker, `eventually` waits.

mod assertions;
mod bucket;
mod builders;
mod client;
mod data;
pub mod database;
mod eventually;
mod fixtures;
mod gateway;

pub use assertions::*;
pub use bucket::*;
pub use builders::*;
pub use client::*;
pub use data::*;
pub use eventually::*;
pub use fixtures::*;
pub use gateway::*;
