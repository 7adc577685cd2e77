//! S3 as values: an [`action::Action`] says what is meant, [`request::Store`] makes the signed HTTP request of it, [`operations`] hold request and answer of
//! each call. Nothing here does I/O. Path-style addressing only: the one form that Lyve Cloud promises.

pub mod action;
pub mod error;
pub mod etag;
pub mod operations;
pub mod request;
pub mod sigv4;
pub mod xml;
