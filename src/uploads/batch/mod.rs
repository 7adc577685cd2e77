//! Many small files in one request, as a tar archive (docs/api.md, `POST /api/storage/batch`).

pub mod archive;
pub mod head;
pub mod results;

use crate::problem::Problem;
use crate::uploads::simple::raw_length;

/// Maximum length of the archive, bytes.
pub const MAX_BYTES: u64 = 64_000_000;

/// Maximum entries that are files. Each takes six calls of the platform at the most, of which a request may make 10,000 (Cloudflare Workers documentation, "Limits").
pub const MAX_FILES: usize = 1_000;

/// Maximum heads, of files, folders, links and what extends them: an archive of nothing but heads would cost their reading only.
pub const MAX_HEADS: usize = 5_000;

/// Maximum bytes of the paths and media types of all files: they are in the answer, up to seven times as long, and the answer has to fit into a row of D1 (2 MB) for
/// whoever sends the archive again (Cloudflare D1 documentation, "Limits").
pub const MAX_TEXT_BYTES: usize = 80_000;

/// Maximum size of one file, bytes: a file is in memory while it is stored.
pub const MAX_FILE: u64 = 10_000_000;

/// Files that are stored at the same time.
pub const FILES_AT_ONCE: usize = 12;

/// Maximum bytes of the files that are stored at the same time, beside the one that is being read.
pub const BYTES_AT_ONCE: u64 = 6_000_000;

/// The declared length of the archive, bytes.
///
/// # Errors
/// 411, 400, 413.
pub fn length(content_length: Option<&str>) -> Result<u64, Problem> {
    raw_length(content_length, MAX_BYTES).map_err(|problem| match problem {
        Problem::BodyTooLarge { limit, .. } => Problem::BodyTooLarge { limit, hint: "Send several batches." },
        problem => problem,
    })
}

/// Whether the body is said to be a tar archive.
///
/// # Errors
/// 422 that names the header.
pub fn check_type(content_type: Option<&str>) -> Result<(), Problem> {
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let is_tar = ["application/x-tar", "application/tar"].iter().any(|tar| essence.eq_ignore_ascii_case(tar));
    if is_tar { Ok(()) } else { Err(Problem::invalid("Content-Type", "must be application/x-tar")) }
}

/// Whether another file may be read while `files` of `bytes` bytes are being stored.
pub fn has_room(files: usize, bytes: u64) -> bool {
    files < FILES_AT_ONCE && bytes < BYTES_AT_ONCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_of_64_mb_is_taken_and_one_byte_more_returns_413() {
        assert_eq!(length(Some("64000000")), Ok(64_000_000));
        assert!(matches!(length(Some("64000001")), Err(Problem::BodyTooLarge { limit: 64_000_000, .. })));
        assert_eq!(length(None), Err(Problem::LengthRequired));
    }

    #[test]
    fn other_media_types_than_tar_return_422() {
        assert_eq!(check_type(Some("Application/X-Tar; a=b")), Ok(()));
        assert_eq!(check_type(Some("application/tar")), Ok(()));
        for other in [None, Some(""), Some("application/gzip"), Some("multipart/form-data")] {
            assert!(matches!(check_type(other), Err(Problem::Invalid { .. })), "{other:?}");
        }
    }

    #[test]
    fn twelve_files_or_6_mb_are_stored_at_once() {
        assert!(has_room(11, 5_999_999));
        assert!(!has_room(12, 0) && !has_room(1, 6_000_000));
    }
}
