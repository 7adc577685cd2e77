//! Validation of a chunk request, in the order of docs/api.md, Order of checks.

use crate::auth::upload_token::UploadClaims;
use crate::base::sha256::Sha256Hex;
use crate::chunking::part_len;
use crate::problem::{AuthFailure, Problem};
use crate::s3::action::Payload;

/// The unvalidated fields of a chunk request.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChunkRequest<'a> {
    /// `X-Part-Number`, or the path's last segment.
    pub part_number: Option<&'a str>,
    /// `Content-Length`.
    pub content_length: Option<&'a str>,
    /// `X-Chunk-SHA256`.
    pub chunk_sha256: Option<&'a str>,
    /// `Content-Digest` (RFC 9530).
    pub content_digest: Option<&'a str>,
    /// `X-Upload-Id`: session id or the store's upload id.
    pub upload_id: Option<&'a str>,
    /// The path's session id.
    pub path_session: Option<&'a str>,
    /// `X-Namespace`.
    pub namespace: Option<&'a str>,
}

/// A chunk request that passed validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Part number, 1..=10,000.
    pub part_number: u16,
    /// Size, bytes.
    pub size: u64,
    /// SHA-256 declared by the client.
    pub sha256: Option<Sha256Hex>,
}

impl Admitted {
    /// The payload hash for the signature: SHA-256 of the body, or unsigned.
    pub fn payload(&self) -> Payload {
        self.sha256.clone().map_or(Payload::Unsigned, Payload::Sha256)
    }
}

/// Validates a chunk request against the upload of its token (or of the account's session).
///
/// # Errors
/// In this order: 401 token of another upload, 411, 413, 422 part outside the plan, 400 wrong length, 422 invalid or missing hash.
/// The part number is checked before the length, because the expected length depends on it.
pub fn admit(request: &ChunkRequest<'_>, claims: &UploadClaims, max_part_bytes: u64) -> Result<Admitted, Problem> {
    let session = claims.session.to_string();
    let named = |id: &str| id == session || id == claims.upload_id;
    if request.upload_id.is_some_and(|id| !named(id)) || request.path_session.is_some_and(|id| id != session) {
        return Err(Problem::Unauthenticated(AuthFailure::OtherUpload));
    }
    let size: u64 = match request.content_length {
        None => return Err(Problem::LengthRequired),
        Some(text) => text.trim().parse().map_err(|_| Problem::Malformed { detail: "Content-Length is not a number.".to_owned() })?,
    };
    if size > max_part_bytes {
        return Err(Problem::BodyTooLarge { limit: max_part_bytes, hint: "Send the part at the plan's chunkSize." });
    }
    if request.namespace.is_some_and(|namespace| namespace != claims.namespace.as_str()) {
        return Err(Problem::invalid("X-Namespace", "is not the upload's namespace"));
    }
    let number = request.part_number.ok_or_else(|| Problem::invalid("X-Part-Number", "is required"))?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(Problem::invalid("X-Part-Number", "must be a whole number from 1 to 10,000"));
    }
    let chunk_count = u32::try_from(claims.file_size.div_ceil(claims.chunk_size.max(1))).unwrap_or(u32::MAX);
    let part_number: u16 = number.parse().map_err(|_| Problem::PartOutsidePlan { chunk_count })?;
    let expected = part_len(claims.file_size, claims.chunk_size, u32::from(part_number)).ok_or(Problem::PartOutsidePlan { chunk_count })?;
    if size != expected {
        return Err(Problem::LengthMismatch { expected, actual: size });
    }
    let sha256 = declared_hash(request)?;
    if sha256.is_none() && !claims.allow_unsigned {
        return Err(Problem::HashRequired);
    }
    Ok(Admitted { part_number, size, sha256 })
}

fn declared_hash(request: &ChunkRequest<'_>) -> Result<Option<Sha256Hex>, Problem> {
    let hex = match request.chunk_sha256 {
        None => None,
        Some(text) => {
            let bad = || Problem::invalid("X-Chunk-SHA256", "must be 64 hex digits");
            Some(Sha256Hex::parse(text.trim()).ok_or_else(bad)?)
        }
    };
    let digest = match request.content_digest {
        None => None,
        Some(field) => {
            let bad = || Problem::invalid("Content-Digest", "must hold sha-256=:<base64 of 32 bytes>:");
            Some(Sha256Hex::parse_content_digest(field).ok_or_else(bad)?)
        }
    };
    match (hex, digest) {
        (Some(a), Some(b)) if a != b => Err(Problem::invalid("Content-Digest", "differs from X-Chunk-SHA256")),
        (a, b) => Ok(a.or(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Id, Name};
    use crate::base::time::EpochMs;

    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn claims() -> UploadClaims {
        UploadClaims {
            account: Id::from_random([1; 16]),
            namespace: Name::parse("jt_user_1").unwrap(),
            session: Id::from_random([2; 16]),
            key: "k".into(),
            upload_id: "up".into(),
            file_size: 25,
            chunk_size: 10,
            allow_unsigned: false,
            generation: 0,
            expires: EpochMs(1),
        }
    }

    fn good() -> ChunkRequest<'static> {
        ChunkRequest { part_number: Some("3"), content_length: Some("5"), chunk_sha256: Some(HASH), ..ChunkRequest::default() }
    }

    fn refused(request: ChunkRequest<'_>) -> (u16, &'static str) {
        let kind = admit(&request, &claims(), 100).unwrap_err().kind();
        (kind.status, kind.code)
    }

    #[test]
    fn valid_request_is_admitted_for_every_form_of_upload_id_and_hash() {
        let expected = Admitted { part_number: 3, size: 5, sha256: Sha256Hex::parse(HASH) };
        let session = claims().session.to_string();
        for request in [
            good(),
            ChunkRequest { upload_id: Some("up"), namespace: Some("jt_user_1"), ..good() },
            ChunkRequest { upload_id: Some(&session), path_session: Some(&session), ..good() },
            ChunkRequest { content_digest: Some("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"), ..good() },
            ChunkRequest { chunk_sha256: None, content_digest: Some("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"), ..good() },
        ] {
            assert_eq!(admit(&request, &claims(), 100), Ok(expected.clone()));
        }
        let unsigned = UploadClaims { allow_unsigned: true, ..claims() };
        assert_eq!(admit(&ChunkRequest { chunk_sha256: None, ..good() }, &unsigned, 100).unwrap().payload(), Payload::Unsigned);
    }

    #[test]
    fn part_of_exactly_the_limit_is_admitted_and_one_byte_more_returns_413() {
        let whole = ChunkRequest { part_number: Some("1"), content_length: Some("10"), ..good() };
        assert_eq!(admit(&whole, &claims(), 10).map(|admitted| admitted.size), Ok(10));
        assert_eq!(admit(&whole, &claims(), 9).unwrap_err().kind().status, 413);
    }

    #[test]
    fn first_failed_check_gives_its_problem_code() {
        let other = Id::from_random([3; 16]).to_string();
        assert_eq!(refused(ChunkRequest { path_session: Some(&other), content_length: None, ..good() }), (401, "token-of-another-upload"));
        assert_eq!(refused(ChunkRequest { upload_id: Some("upX"), ..good() }), (401, "token-of-another-upload"));
        assert_eq!(refused(ChunkRequest { content_length: None, part_number: Some("0"), ..good() }), (411, "length-required"));
        assert_eq!(refused(ChunkRequest { content_length: Some("101"), part_number: None, ..good() }), (413, "body-too-large"));
        assert_eq!(refused(ChunkRequest { content_length: Some("5, 5"), ..good() }), (400, "malformed-request"));
        assert_eq!(refused(ChunkRequest { content_length: Some("10"), ..good() }), (400, "length-mismatch"));
        assert_eq!(refused(ChunkRequest { content_length: Some("0"), ..good() }), (400, "length-mismatch"));
        for outside in ["0", "4", "10001", "65536", "99999999999999999999"] {
            assert_eq!(refused(ChunkRequest { part_number: Some(outside), ..good() }), (422, "part-outside-plan"), "{outside}");
        }
        for bad in ["", "-1", "+3", "3.0", "x", "٣"] {
            assert_eq!(refused(ChunkRequest { part_number: Some(bad), ..good() }), (422, "invalid-value"), "{bad}");
        }
        assert_eq!(refused(ChunkRequest { part_number: None, ..good() }), (422, "invalid-value"));
        assert_eq!(refused(ChunkRequest { namespace: Some("other"), ..good() }), (422, "invalid-value"));
        assert_eq!(refused(ChunkRequest { chunk_sha256: None, ..good() }), (422, "chunk-hash-required"));
        assert_eq!(refused(ChunkRequest { chunk_sha256: Some("xyz"), ..good() }), (422, "invalid-value"));
        assert_eq!(refused(ChunkRequest { content_digest: Some("sha-512=:AA==:"), ..good() }), (422, "invalid-value"));
        let zeros = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";
        assert_eq!(refused(ChunkRequest { content_digest: Some(zeros), ..good() }), (422, "invalid-value"));
    }
}
