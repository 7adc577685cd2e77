//! Namespaces: creating, changing and deleting them, and who is in them.

pub mod change;
pub mod create;
pub mod delete;
pub mod members;
pub mod of_upload;
