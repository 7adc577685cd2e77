//! The place that a request's header fields or URL give a new file.

use crate::files::paths::placement;
use crate::files::paths::placement::{HEADERS, Placement};
use crate::http::validate::check_utf8_header;
use crate::problem::Problem;
use crate::worker::http::call::Routed;
use crate::worker::platform::unicode::compose;

/// A header field in percent-encoded UTF-8: field values are ASCII (RFC 9110 section 5.5).
///
/// # Errors
/// 422.
pub fn decoded(call: &Routed, field: &'static str) -> Result<Option<String>, Problem> {
    let Some(encoded) = call.header(field) else { return Ok(None) };
    check_utf8_header(field, &encoded)?;
    let text = percent_encoding::percent_decode_str(&encoded).decode_utf8();
    text.map(|text| Some(text.into_owned())).map_err(|_| Problem::invalid(field, "must be percent-encoded UTF-8"))
}

/// The place that the file is to have: the path of the URL, or that of the header.
///
/// # Errors
/// 422.
pub fn placement(call: &Routed) -> Result<Option<Placement>, Problem> {
    let in_url = call.params.get("path").map(str::to_owned);
    let path = if in_url.is_some() { in_url } else { decoded(call, HEADERS.0)? };
    placement::check(HEADERS, path.as_deref(), call.header(HEADERS.1).as_deref(), call.header(HEADERS.2).as_deref(), compose)
}
