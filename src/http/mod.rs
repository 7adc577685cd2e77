//! HTTP semantics without I/O: ranges, conditional requests, media types, CORS, pagination, JSON bodies, validation, pages.

pub mod accept;
pub mod accept_encoding;
pub mod conditional;
pub mod content_disposition;
pub mod cors;
pub mod dashboard;
pub mod json_body;
pub mod media_type;
pub mod pages;
pub mod pagination;
pub mod parameters;
pub mod range;
pub mod validate;
