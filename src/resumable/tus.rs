//! Requests of tus 1.0 (<https://tus.io/protocols/resumable-upload>).

use crate::chunking::MAX_APPENDED;
use crate::problem::Problem;
use crate::resumable::MAX_CHECKED;
use crate::resumable::checksum::{self, Checksum};
use crate::resumable::fields::{Fields, bad, essence, length, number, required, text};
use crate::resumable::metadata::Metadata;

/// The version that is spoken.
pub const VERSION: &str = "1.0.0";

/// `Tus-Extension`.
pub const EXTENSIONS: &str = "creation,creation-defer-length,creation-with-upload,expiration,checksum,termination,concatenation";

/// The media type of bytes.
pub const BYTES: &str = "application/offset+octet-stream";

/// The longest `Upload-Concat`, bytes: it is kept for its echo.
const MAX_CONCAT: usize = 16_384;

const HINT: &str = "Use a chunkSize of at most 64 MiB.";

/// A creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// `Upload-Length`, bytes; `None` if it is told later.
    pub length: Option<u64>,
    /// `Upload-Metadata`.
    pub metadata: Metadata,
    /// Bytes that come with it.
    pub bytes: Option<Bytes>,
    /// `Upload-Concat`.
    pub concat: Option<Concat>,
}

/// What an upload has to do with others (tus 1.0, "Concatenation").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concat {
    /// It is a part of another one.
    Partial,
    /// It consists of these; their ids.
    Final {
        /// The field as it came.
        raw: String,
        /// The last segments of the paths.
        ids: Vec<String>,
    },
}

/// Reads `Upload-Concat`.
fn concat(fields: Fields<'_>) -> Result<Option<Concat>, Problem> {
    let Some(raw) = text(fields, "Upload-Concat") else { return Ok(None) };
    if raw == "partial" {
        return Ok(Some(Concat::Partial));
    }
    let id = |url: &str| url.rsplit_once("/tus/").map(|(_, id)| id.to_owned()).filter(|id| !id.is_empty() && !id.contains('/'));
    let ids = raw
        .strip_prefix("final;")
        .filter(|_| raw.len() <= MAX_CONCAT)
        .and_then(|urls| urls.split_ascii_whitespace().map(id).collect::<Option<Vec<_>>>());
    match ids.filter(|ids| !ids.is_empty()) {
        Some(ids) => Ok(Some(Concat::Final { raw, ids })),
        None => Err(bad("Upload-Concat", "must be partial, or final; and the URLs of uploads, separated by spaces")),
    }
}

/// Bytes to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes {
    /// `Upload-Offset`.
    pub offset: u64,
    /// `Content-Length`; `None` for a body of unknown length.
    pub length: Option<u64>,
    /// `Upload-Length`, bytes, of an upload that began without one.
    pub whole: Option<u64>,
    /// The checksum of the body.
    pub checksum: Option<Checksum>,
}

/// Checks `Tus-Resumable`.
///
/// # Errors
/// 412.
pub fn check_version(fields: Fields<'_>) -> Result<(), Problem> {
    if text(fields, "Tus-Resumable").as_deref() == Some(VERSION) { Ok(()) } else { Err(Problem::TusVersion) }
}

/// Reads a POST.
///
/// # Errors
/// 400, 412, 413, 415.
pub fn create(fields: Fields<'_>) -> Result<Create, Problem> {
    check_version(fields)?;
    let concat = concat(fields)?;
    if number(fields, "Upload-Offset")?.is_some_and(|offset| offset > 0) {
        return Err(bad("Upload-Offset", "must be absent or 0"));
    }
    if matches!(concat, Some(Concat::Final { .. })) {
        return of_final(fields, concat);
    }
    let size = match (number(fields, "Upload-Length")?, text(fields, "Upload-Defer-Length").as_deref()) {
        (Some(size), _) if size > MAX_APPENDED => return Err(Problem::FileTooLarge { limit: MAX_APPENDED, size }),
        (Some(_), Some(_)) => return Err(bad("Upload-Defer-Length", "must be absent if Upload-Length is there")),
        (size @ Some(_), None) => size,
        (None, Some("1")) => None,
        (None, Some(_)) => return Err(bad("Upload-Defer-Length", "must be 1")),
        (None, None) => return Err(bad("Upload-Length", "is required, or Upload-Defer-Length")),
    };
    let metadata = Metadata::read(fields)?;
    let sent = length(fields)?;
    let bytes = match essence(fields) {
        Some(essence) if essence == BYTES => Some(bytes(fields, 0, sent)?),
        _ if sent.is_some_and(|sent| sent > 0) => return Err(Problem::AppendType { wanted: BYTES }),
        _ => None,
    };
    if let (Some(sent), Some(size)) = (sent, size)
        && sent > size
    {
        return Err(Problem::BodyTooLarge { limit: size, hint: "Upload-Length is shorter than the body." });
    }
    if concat.is_some() && size == Some(0) {
        return Err(bad("Upload-Length", "must be at least 1 in a partial upload"));
    }
    Ok(Create { length: size, metadata, bytes, concat })
}

/// A final upload has the length of the partial ones, and no bytes of its own.
fn of_final(fields: Fields<'_>, concat: Option<Concat>) -> Result<Create, Problem> {
    for name in ["Upload-Length", "Upload-Defer-Length"] {
        if fields(name).is_some() {
            return Err(bad(name, "must be absent in a final upload"));
        }
    }
    if length(fields)?.is_some_and(|sent| sent > 0) {
        return Err(Problem::FinalUpload);
    }
    Ok(Create { length: None, metadata: Metadata::read(fields)?, bytes: None, concat })
}

/// Reads a PATCH.
///
/// # Errors
/// 400, 412, 413, 415.
pub fn append(fields: Fields<'_>) -> Result<Bytes, Problem> {
    check_version(fields)?;
    if essence(fields).as_deref() != Some(BYTES) {
        return Err(Problem::AppendType { wanted: BYTES });
    }
    let offset = required(fields, "Upload-Offset")?;
    let whole = number(fields, "Upload-Length")?;
    Ok(Bytes { whole, ..bytes(fields, offset, length(fields)?)? })
}

fn bytes(fields: Fields<'_>, offset: u64, length: Option<u64>) -> Result<Bytes, Problem> {
    let checksum = checksum::of_tus(fields)?;
    if checksum.is_some() && length.is_some_and(|length| length > MAX_CHECKED) {
        return Err(Problem::BodyTooLarge { limit: MAX_CHECKED, hint: HINT });
    }
    Ok(Bytes { offset, length, whole: None, checksum })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resumable::fields::tests::{of, status};

    const SHA1: &str = "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=";

    fn with(more: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
        of(&[more, &[("Tus-Resumable", "1.0.0")]].concat())
    }

    #[test]
    fn post_in_every_form_gives_its_command_or_the_status_of_the_specification() {
        for (fields, expected) in [
            (&[("Upload-Length", "5")] as &[_], "ok"),
            (&[("Upload-Length", "0"), ("Content-Length", "0")], "ok"),
            (&[("Upload-Length", "5"), ("Content-Type", BYTES), ("Content-Length", "5")], "ok"),
            (&[("Upload-Length", "5"), ("Content-Type", BYTES), ("Content-Length", "6")], "413"),
            (&[("Upload-Length", "5"), ("Content-Type", "text/plain"), ("Content-Length", "5")], "415"),
            (&[], "400 Upload-Length"),
            (&[("Upload-Length", "-5")], "400 Upload-Length"),
            (&[("Upload-Length", "5, 5")], "400 Upload-Length"),
            (&[("Upload-Length", "9007199254740991")], "413"),
            (&[("Upload-Length", "5"), ("Upload-Offset", "1")], "400 Upload-Offset"),
            (&[("Upload-Length", "5"), ("Upload-Metadata", "a !")], "400 Upload-Metadata"),
            (&[("Upload-Defer-Length", "1")], "ok"),
            (&[("Upload-Defer-Length", "1"), ("Content-Type", BYTES)], "ok"),
            (&[("Upload-Defer-Length", "2")], "400 Upload-Defer-Length"),
            (&[("Upload-Defer-Length", "1"), ("Upload-Length", "5")], "400 Upload-Defer-Length"),
            (&[("Upload-Concat", "partial"), ("Upload-Length", "5")], "ok"),
            (&[("Upload-Concat", "partial"), ("Upload-Length", "0")], "400 Upload-Length"),
            (&[("Upload-Concat", "final;/tus/a https://edge.example/tus/b")], "ok"),
            (&[("Upload-Concat", "final;/tus/a"), ("Upload-Length", "5")], "400 Upload-Length"),
            (&[("Upload-Concat", "final;/tus/a"), ("Content-Length", "5")], "403"),
            (&[("Upload-Concat", "final;")], "400 Upload-Concat"),
            (&[("Upload-Concat", "final;/files/a")], "400 Upload-Concat"),
            (&[("Upload-Concat", "final;/tus/a/b")], "400 Upload-Concat"),
            (&[("Upload-Concat", "whole"), ("Upload-Length", "5")], "400 Upload-Concat"),
            (&[("Upload-Complete", "?1")], "400 Upload-Length"),
        ] {
            assert_eq!(status(create(&with(fields))), expected, "{fields:?}");
        }
        assert_eq!(status(create(&of(&[("Upload-Length", "5")]))), "412");
        assert_eq!(status(create(&of(&[("Upload-Length", "5"), ("Tus-Resumable", "0.2.0")]))), "412");
        assert_eq!(status(create(&of(&[("Upload-Length", "5"), ("Tus-Resumable", "1.0.0, 1.0.0")]))), "412");
    }

    #[test]
    fn patch_in_every_form_gives_its_command_or_the_status_of_the_specification() {
        let kind = ("Content-Type", BYTES);
        for (fields, expected) in [
            (&[kind, ("Upload-Offset", "0")] as &[_], "ok"),
            (&[kind, ("Upload-Offset", "7"), ("Content-Length", "5"), ("Upload-Checksum", SHA1)], "ok"),
            (&[kind, ("Upload-Offset", "7"), ("Content-Length", "67108865"), ("Upload-Checksum", SHA1)], "413"),
            (&[kind, ("Upload-Offset", "7"), ("Content-Length", "67108865")], "ok"),
            (&[kind, ("Upload-Offset", "0"), ("Upload-Checksum", "md5 x")], "400 Upload-Checksum"),
            (&[kind, ("Upload-Offset", "0"), ("Upload-Length", "x")], "400 Upload-Length"),
            (&[kind], "400 Upload-Offset"),
            (&[kind, ("Upload-Offset", "-1")], "400 Upload-Offset"),
            (&[("Upload-Offset", "0")], "415"),
            (&[("Content-Type", "application/partial-upload"), ("Upload-Offset", "0")], "415"),
        ] {
            assert_eq!(status(append(&with(fields))), expected, "{fields:?}");
        }
        assert_eq!(status(append(&of(&[kind, ("Upload-Offset", "0")]))), "412");
    }
}
