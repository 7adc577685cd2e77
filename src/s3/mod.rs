//! S3 without I/O: an [`action::Action`] describes one call, [`request::Store`] signs it as an HTTP request, [`operations`] build requests and parse
//! responses. Path-style addressing only, the one form that Lyve Cloud documents.

pub mod action;
pub mod content_range;
pub mod error;
pub mod etag;
pub mod operations;
pub mod request;
pub mod sigv4;
pub mod xml;
