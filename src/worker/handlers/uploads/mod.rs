//! Routes of uploads.

pub mod batch;
pub mod part;
pub mod presigned;
pub mod resumable;
pub mod sessions;
pub mod simple;
pub mod track;
