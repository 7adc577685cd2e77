//! Routes of uploads.

pub mod batch;
pub mod part;
pub mod presigned;
pub mod sessions;
pub mod simple;
pub mod track;
