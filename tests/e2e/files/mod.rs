//! Files: listed, downloaded, deleted, and who may do so.

mod access;
mod compression;
mod conditions;
mod download;
mod list;
mod names;
mod paths;
mod ranges;
