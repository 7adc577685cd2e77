//! Limits of the one-request upload (docs/uploads.md, The two ways in).

use crate::ledger::message::UsageSnapshot;
use crate::problem::Problem;

/// Maximum file size in a `multipart/form-data` body, bytes: forms are read into memory (docs/api.md, Limits).
pub const MAX_FORM_FILE: u64 = 16_000_000;

/// What a form may have beside its file, bytes: boundaries, part headers and other small fields.
const FORM_EXTRA: u64 = 65_536;

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

/// The declared length of a form, bytes. What it says of a body that is too large is the limit of the file.
///
/// # Errors
/// 411, 400; 413 with a hint to sessions.
pub fn form_length(content_length: Option<&str>) -> Result<u64, Problem> {
    raw_length(content_length, MAX_FORM_FILE + FORM_EXTRA).map_err(|problem| match problem {
        Problem::BodyTooLarge { hint, .. } => Problem::BodyTooLarge { limit: MAX_FORM_FILE, hint },
        problem => problem,
    })
}

/// The least size of the file in a form of `length` bytes.
pub fn least_file(length: u64) -> u64 {
    length.saturating_sub(FORM_EXTRA)
}

/// Refuses, before a byte of it is read, a file that can not fit into what is left of the storage quota or of the tier's number of files.
///
/// # Errors
/// 507.
pub fn check_room(figures: &UsageSnapshot, least: u64) -> Result<(), Problem> {
    let (limit, used, reserved) = (figures.limits.storage, figures.storage_used, figures.storage_reserved);
    // A quota of 0 refuses even empty files, as the ledger does.
    let fits = limit > 0 && used.saturating_add(reserved).saturating_add(least) <= limit;
    if !fits {
        return Err(Problem::StorageExceeded { limit, used, reserved, requested: least });
    }
    let (limit, used) = (figures.limits.objects, figures.objects_used.saturating_add(figures.objects_reserved));
    if used < limit { Ok(()) } else { Err(Problem::TooManyObjects { limit, used }) }
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
    use crate::base::time::EpochMs;
    use crate::ledger::period::Period;
    use crate::ledger::state::Limits;

    #[test]
    fn default_media_types_give_none() {
        assert_eq!(meant_type(Some("application/x-www-form-urlencoded")), None);
        assert_eq!(meant_type(Some("video/mp4")), Some("video/mp4"));
    }

    #[test]
    fn body_of_exactly_the_limit_is_accepted_and_one_byte_more_returns_413() {
        assert_eq!(raw_length(Some(" 10 "), 10), Ok(10));
        assert_eq!(raw_length(Some("11"), 10), Err(Problem::BodyTooLarge { limit: 10, hint: SESSIONS_HINT }));
        assert_eq!(raw_length(None, 10), Err(Problem::LengthRequired));
        assert!(matches!(raw_length(Some("x"), 10), Err(Problem::Malformed { .. })));
    }

    #[test]
    fn form_over_16_mb_names_that_limit_and_smaller_one_is_held_against_what_is_left() {
        assert_eq!(form_length(Some("16065536")), Ok(16_065_536));
        let refused = form_length(Some("31900000"));
        assert!(matches!(refused, Err(Problem::BodyTooLarge { limit: 16_000_000, .. })), "{refused:?}");
        assert_eq!((least_file(16_065_536), least_file(5)), (16_000_000, 0));
        let limits =
            |storage| Limits { storage, bandwidth: 0, per_minute: 1, objects: 1, uploads: 1, suspended: false, version: (EpochMs(0), EpochMs(0)) };
        let figures = |storage| UsageSnapshot {
            period: Period::of(EpochMs(0)),
            storage_used: 10,
            storage_reserved: 5,
            objects_used: 0,
            objects_reserved: 0,
            uploads_open: 0,
            bandwidth_used: 0,
            seen_at: None,
            requests: 0,
            limits: limits(storage),
        };
        assert_eq!(check_room(&figures(20), 5), Ok(()));
        assert_eq!(check_room(&figures(20), 6), Err(Problem::StorageExceeded { limit: 20, used: 10, reserved: 5, requested: 6 }));
        let full = UsageSnapshot { objects_used: 1, ..figures(20) };
        assert_eq!(check_room(&full, 0), Err(Problem::TooManyObjects { limit: 1, used: 1 }));
        let nothing = UsageSnapshot { storage_used: 0, storage_reserved: 0, ..figures(0) };
        assert!(check_room(&nothing, 0).is_err(), "a quota of 0 takes not even an empty file");
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
