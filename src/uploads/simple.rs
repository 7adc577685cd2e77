//! Limits of the one-request upload (docs/uploads.md, The two ways in).

use crate::problem::Problem;

/// Maximum file size in a `multipart/form-data` body, bytes: the runtime parses forms in memory (docs/api.md, Limits).
pub const MAX_FORM_FILE: u64 = 32_000_000;

/// Maximum size of such a body, bytes: the file, boundaries, part headers and other small fields.
pub const MAX_FORM_BYTES: u64 = MAX_FORM_FILE + 65_536;

/// Hint in the 413 response.
pub const SESSIONS_HINT: &str = "Larger files go through a session: POST /api/jetty/track-upload {\"action\":\"start\"}.";

/// Whether the body is `multipart/form-data`.
pub fn is_form(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("multipart/form-data")
}

/// The media type that the client declared deliberately. curl and browsers send two defaults for unknown types; these are ignored and the type is guessed
/// from the file name.
pub fn meant_type(declared: Option<&str>) -> Option<&str> {
    declared.filter(|text| !matches!(text.trim(), "application/octet-stream" | "application/x-www-form-urlencoded"))
}

/// The declared length of a body, bytes, at most `limit`.
///
/// # Errors
/// 411, 400; 413 with a hint to sessions.
pub fn raw_length(content_length: Option<&str>, limit: u64) -> Result<u64, Problem> {
    let text = content_length.ok_or(Problem::LengthRequired)?;
    let length = text.trim().parse().map_err(|_| Problem::Malformed { detail: "Content-Length is not a number.".to_owned() })?;
    if length > limit { Err(Problem::BodyTooLarge { limit, hint: SESSIONS_HINT }) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_media_types_give_none() {
        assert_eq!(meant_type(Some("application/x-www-form-urlencoded")), None);
        assert_eq!(meant_type(Some("video/mp4")), Some("video/mp4"));
    }

    #[test]
    fn content_type_selects_form_and_content_length_is_bounded() {
        assert!(is_form(Some("Multipart/Form-Data; boundary=x")) && !is_form(Some("text/plain")) && !is_form(None));
        assert_eq!(raw_length(Some("5"), 5), Ok(5));
        assert_eq!(raw_length(Some("6"), 5).map_err(|p| p.kind().status), Err(413));
        assert_eq!(raw_length(Some("x"), 5).map_err(|p| p.kind().status), Err(400));
        assert_eq!(raw_length(None, 5), Err(Problem::LengthRequired));
    }
}
