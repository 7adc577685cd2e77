//! HTTP: what comes in is routed, authenticated and parsed here; what goes out gets its common headers here.

pub mod conditional;
pub mod content_disposition;
pub mod cors;
pub mod json_body;
pub mod media_type;
pub mod pages;
pub mod pagination;
pub mod range;
pub mod validate;
