//! The routes of uploads. Glue: each asks a pure file what to do and does it.

pub mod chunk;
mod complete;
pub mod sessions;
pub mod simple;
pub mod track;
