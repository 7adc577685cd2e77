//! Requests of IETF resumable uploads: draft-ietf-httpbis-resumable-upload-11 (interop version 8) and, by a map of header fields, the versions before it.

use crate::base::sha256::Sha256Hex;
use crate::chunking::MAX_APPENDED;
use crate::problem::Problem;
use crate::resumable::MAX_CHECKED;
use crate::resumable::checksum::{self, Checksum};
use crate::resumable::fields::{Fields, bad, essence, length, number, required, text};
use crate::resumable::metadata::Metadata;

/// The media type of bytes, since interop version 6.
pub const BYTES: &str = "application/partial-upload";

/// The header fields of an interop version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interop(u8);

impl Interop {
    /// The version of the request; without a field the newest.
    ///
    /// # Errors
    /// 400 for a version that is not spoken.
    pub fn read(fields: Fields<'_>) -> Result<Interop, Problem> {
        match text(fields, "Upload-Draft-Interop-Version").as_deref() {
            None | Some("8") => Ok(Interop(8)),
            Some("7") => Ok(Interop(7)),
            Some("6") => Ok(Interop(6)),
            Some("5") => Ok(Interop(5)),
            Some("3") => Ok(Interop(3)),
            Some(_) => Err(bad("Upload-Draft-Interop-Version", "must be 3, 5, 6, 7 or 8")),
        }
    }

    /// The number.
    pub fn version(self) -> u8 {
        self.0
    }

    /// Reads whether the request's body is the last one.
    ///
    /// # Errors
    /// 400.
    pub fn completes(self, fields: Fields<'_>) -> Result<Option<bool>, Problem> {
        let (name, negates) = self.completeness();
        match text(fields, name).as_deref() {
            None => Ok(None),
            Some("?1") => Ok(Some(!negates)),
            Some("?0") => Ok(Some(negates)),
            Some(_) => Err(bad(name, "must be ?0 or ?1")),
        }
    }

    /// The field that tells whether an upload is complete.
    pub fn completed(self, complete: bool) -> (&'static str, String) {
        let negates = self.completeness().1;
        (if negates { "upload-incomplete" } else { "upload-complete" }, if complete == negates { "?0" } else { "?1" }.to_owned())
    }

    /// The name of the field, and whether it tells the contrary.
    fn completeness(self) -> (&'static str, bool) {
        if self.0 == 3 { ("Upload-Incomplete", true) } else { ("Upload-Complete", false) }
    }

    fn check_type(self, fields: Fields<'_>) -> Result<(), Problem> {
        if self.0 < 6 || essence(fields).as_deref() == Some(BYTES) { Ok(()) } else { Err(Problem::AppendType { wanted: BYTES }) }
    }
}

/// A creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Version of the request.
    pub interop: Interop,
    /// The upload's length, bytes; `None` if it is known only once its last bytes have come.
    pub length: Option<u64>,
    /// `Upload-Metadata`, which clients of tus send here, too.
    pub metadata: Metadata,
    /// The whole upload's SHA-256, claimed by `Repr-Digest`.
    pub hash: Option<Sha256Hex>,
    /// The body.
    pub bytes: Bytes,
}

/// Bytes to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes {
    /// Version of the request.
    pub interop: Interop,
    /// `Upload-Offset`.
    pub offset: u64,
    /// `Content-Length`; `None` for a body of unknown length.
    pub length: Option<u64>,
    /// Whether they are the last.
    pub completes: bool,
    /// `Upload-Length`, which has to be the upload's.
    pub whole: Option<u64>,
    /// The digest of the body.
    pub checksum: Option<Checksum>,
}

impl Bytes {
    /// Holds the lengths against the upload's, which is `None` if it is not known yet.
    ///
    /// # Errors
    /// 400.
    pub fn check(&self, whole: Option<u64>) -> Result<(), Problem> {
        let end = self.length.map(|length| self.offset.saturating_add(length));
        let fits = |whole: u64| end.is_none_or(|end| end <= whole && (!self.completes || end == whole));
        let is_same = whole.is_none_or(|known| self.whole.is_none_or(|told| told == known));
        if is_same && whole.or(self.whole).is_none_or(fits) { Ok(()) } else { Err(Problem::InconsistentLength) }
    }
}

/// Reads a POST.
///
/// # Errors
/// 400, 413.
pub fn create(fields: Fields<'_>) -> Result<Create, Problem> {
    let interop = Interop::read(fields)?;
    let completes = interop.completes(fields)?.ok_or_else(|| bad(interop.completeness().0, "is required"))?;
    let sent = length(fields)?;
    let told = number(fields, "Upload-Length")?;
    let size = match (told, sent) {
        (Some(told), Some(sent)) if told < sent || (completes && told != sent) => return Err(Problem::InconsistentLength),
        (Some(told), _) => Some(told),
        (None, sent) => sent.filter(|_| completes),
    };
    if let Some(size) = size.filter(|size| *size > MAX_APPENDED) {
        return Err(Problem::FileTooLarge { limit: MAX_APPENDED, size });
    }
    let metadata = Metadata::read(fields)?;
    let digest = checksum::of_ietf(fields, "Repr-Digest")?.filter(|digest| digest.algorithm == "SHA-256");
    let hash = digest.and_then(|digest| Sha256Hex::parse(&hex::encode(digest.digest)));
    let bytes = Bytes { interop, offset: 0, length: sent, completes, whole: None, checksum: checked(fields, sent)? };
    Ok(Create { interop, length: size, metadata, hash, bytes })
}

/// Reads a PATCH.
///
/// # Errors
/// 400, 413, 415.
pub fn append(fields: Fields<'_>) -> Result<Bytes, Problem> {
    let interop = Interop::read(fields)?;
    interop.check_type(fields)?;
    let offset = required(fields, "Upload-Offset")?;
    let completes = interop.completes(fields)?.ok_or_else(|| bad(interop.completeness().0, "is required"))?;
    let (sent, whole) = (length(fields)?, number(fields, "Upload-Length")?);
    Ok(Bytes { interop, offset, length: sent, completes, whole, checksum: checked(fields, sent)? })
}

fn checked(fields: Fields<'_>, length: Option<u64>) -> Result<Option<Checksum>, Problem> {
    let checksum = checksum::of_ietf(fields, "Content-Digest")?;
    if checksum.is_some() && length.is_some_and(|length| length > MAX_CHECKED) {
        return Err(Problem::BodyTooLarge { limit: MAX_CHECKED, hint: "Append at most 64 MiB with a Content-Digest." });
    }
    Ok(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resumable::fields::tests::{of, status};

    #[test]
    fn version_3_tells_the_contrary_and_all_others_completeness() {
        let read = |version: &str, name: &str, value: &str| {
            let fields = of(&[("Upload-Draft-Interop-Version", version), (name, value)]);
            Interop::read(&fields).and_then(|interop| interop.completes(&fields))
        };
        assert_eq!(read("3", "Upload-Incomplete", "?1"), Ok(Some(false)));
        assert_eq!(read("3", "Upload-Complete", "?1"), Ok(None));
        for version in ["5", "6", "7", "8"] {
            assert_eq!(read(version, "Upload-Complete", "?1"), Ok(Some(true)), "{version}");
            assert!(read(version, "Upload-Complete", "1").is_err());
        }
        assert!(read("4", "Upload-Complete", "?1").is_err() && read("8, 8", "Upload-Complete", "?1").is_err());
        let told = |version| Interop(version).completed(true);
        assert_eq!([told(3), told(8)], [("upload-incomplete", "?0".to_owned()), ("upload-complete", "?1".to_owned())]);
        assert_eq!(Interop(3).completed(false).1, "?1");
    }

    #[test]
    fn post_in_every_form_gives_its_command_or_the_status_of_the_draft() {
        for (fields, expected) in [
            (&[("Upload-Complete", "?0"), ("Upload-Length", "5")] as &[_], "ok"),
            (&[("Upload-Complete", "?1"), ("Content-Length", "5")], "ok"),
            (&[("Upload-Complete", "?1"), ("Content-Length", "5"), ("Upload-Length", "5")], "ok"),
            (&[("Upload-Complete", "?1"), ("Content-Length", "5"), ("Upload-Length", "6")], "400"),
            (&[("Upload-Complete", "?0"), ("Content-Length", "5"), ("Upload-Length", "4")], "400"),
            (&[("Upload-Complete", "?0"), ("Content-Length", "5")], "ok"),
            (&[("Upload-Complete", "?1")], "ok"),
            (&[("Content-Length", "5")], "400 Upload-Complete"),
            (&[("Upload-Complete", "?2"), ("Content-Length", "5")], "400 Upload-Complete"),
            (&[("Upload-Complete", "?0"), ("Upload-Length", "9007199254740991")], "413"),
            (&[("Upload-Complete", "?0"), ("Upload-Length", "5"), ("Content-Digest", "sha-256=:x:")], "400 Content-Digest"),
            (&[("Tus-Resumable", "1.0.0"), ("Upload-Length", "5")], "400 Upload-Complete"),
        ] {
            assert_eq!(status(create(&of(fields))), expected, "{fields:?}");
        }
        let hash = create(&of(&[
            ("Upload-Complete", "?0"),
            ("Upload-Length", "5"),
            ("Repr-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
        ]));
        assert!(hash.unwrap().hash.unwrap().as_str().starts_with("e3b0c442"));
    }

    #[test]
    fn patch_in_every_form_gives_its_command_or_the_status_of_the_draft() {
        let (kind, last) = (("Content-Type", BYTES), ("Upload-Complete", "?1"));
        for (fields, expected) in [
            (&[kind, last, ("Upload-Offset", "5")] as &[_], "ok"),
            (&[last, ("Upload-Offset", "5")], "415"),
            (&[last, ("Upload-Offset", "5"), ("Upload-Draft-Interop-Version", "5")], "ok"),
            (&[("Upload-Incomplete", "?0"), ("Upload-Offset", "5"), ("Upload-Draft-Interop-Version", "3")], "ok"),
            (&[kind, last], "400 Upload-Offset"),
            (&[kind, ("Upload-Offset", "5")], "400 Upload-Complete"),
        ] {
            assert_eq!(status(append(&of(fields))), expected, "{fields:?}");
        }
    }

    #[test]
    fn lengths_that_contradict_the_upload_are_inconsistent() {
        let bytes = |offset, length, completes, whole| Bytes { interop: Interop(8), offset, length, completes, whole, checksum: None };
        assert_eq!(bytes(5, Some(5), true, None).check(Some(10)), Ok(()));
        assert_eq!(bytes(5, None, true, Some(10)).check(Some(10)), Ok(()));
        assert_eq!(bytes(5, Some(4), false, None).check(Some(10)), Ok(()));
        assert_eq!(bytes(5, Some(4), true, None).check(None), Ok(()));
        assert_eq!(bytes(5, Some(4), true, Some(10)).check(None), Err(Problem::InconsistentLength));
        for wrong in
            [bytes(5, Some(4), true, None), bytes(5, Some(6), false, None), bytes(5, None, false, Some(11)), bytes(u64::MAX, Some(6), false, None)]
        {
            assert_eq!(wrong.check(Some(10)), Err(Problem::InconsistentLength), "{wrong:?}");
        }
    }
}
