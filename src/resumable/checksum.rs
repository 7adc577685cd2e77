//! Checksums of one request's body: `Upload-Checksum` (tus 1.0, "Checksum") and `Content-Digest` (RFC 9530 section 2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::problem::Problem;
use crate::resumable::fields::{Fields, bad, text};

/// `Tus-Checksum-Algorithm`.
pub const ALGORITHMS: &str = "sha1,sha256";

/// A checksum that a body has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// The name in Web Cryptography: `SHA-1`, `SHA-256` or `SHA-512`.
    pub algorithm: &'static str,
    /// The digest.
    pub digest: Vec<u8>,
    /// Whether it came as a digest field of RFC 9530.
    pub is_digest: bool,
}

impl Checksum {
    /// The problem of a body with another digest; `None` if it is this one.
    pub fn mismatch(&self, digest: Option<&[u8]>) -> Option<Problem> {
        (digest != Some(&self.digest)).then_some(Problem::ChecksumMismatch { is_digest: self.is_digest })
    }
}

fn checksum(algorithm: &str, base64: &str, is_digest: bool) -> Option<Checksum> {
    let (algorithm, bytes) = match algorithm {
        "sha1" | "sha" => ("SHA-1", 20),
        "sha256" | "sha-256" => ("SHA-256", 32),
        "sha-512" => ("SHA-512", 64),
        _ => return None,
    };
    let digest = STANDARD.decode(base64).ok().filter(|digest| digest.len() == bytes)?;
    Some(Checksum { algorithm, digest, is_digest })
}

/// `Upload-Checksum`.
///
/// # Errors
/// 400 for an unknown algorithm, and for a digest that is not one of it.
pub fn of_tus(fields: Fields<'_>) -> Result<Option<Checksum>, Problem> {
    let Some(text) = text(fields, "Upload-Checksum") else { return Ok(None) };
    let (algorithm, digest) = text.split_once(' ').unwrap_or((&text, ""));
    let known = ALGORITHMS.split(',').any(|known| known == algorithm);
    let found = if known { checksum(algorithm, digest.trim(), false) } else { None };
    found.map(Some).ok_or_else(|| bad("Upload-Checksum", "must be sha1 or sha256, a space, and the digest in base64"))
}

/// `Content-Digest`: of several digests the first of SHA-512 and SHA-256; one with other algorithms only is not checked (RFC 9530 section 2).
///
/// # Errors
/// 400 for a digest that is not one of its algorithm.
pub fn of_ietf(fields: Fields<'_>, name: &'static str) -> Result<Option<Checksum>, Problem> {
    let Some(text) = text(fields, name) else { return Ok(None) };
    for member in text.split(',') {
        let (algorithm, value) = member.split_once('=').unwrap_or((member, ""));
        let algorithm = algorithm.trim().to_ascii_lowercase();
        if !matches!(algorithm.as_str(), "sha-256" | "sha-512") {
            continue;
        }
        let base64 = value.trim().strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
        let found = base64.and_then(|base64| checksum(&algorithm, base64, true));
        return found.map(Some).ok_or_else(|| bad(name, "must hold sha-256=:<base64 of 32 bytes>: or sha-512=:<base64 of 64 bytes>:"));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resumable::fields::tests::of;

    const SHA1: &str = "2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
    const SHA256: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn checksum_of_tus_is_sha1_or_sha256_in_base64() {
        let read = |text: &str| of_tus(&of(&[("Upload-Checksum", text)])).map(|found| found.map(|found| (found.algorithm, found.digest.len())));
        assert_eq!(read(&format!("sha1 {SHA1}")), Ok(Some(("SHA-1", 20))));
        assert_eq!(read(&format!("sha256 {SHA256}")), Ok(Some(("SHA-256", 32))));
        for bad in ["", "sha1", "sha1 ", "md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1 x", &format!("sha1 {SHA256}"), &format!("sha-256 {SHA256}")] {
            assert!(matches!(read(bad), Err(Problem::BadHeader { field: "Upload-Checksum", .. })), "{bad}");
        }
        assert_eq!(of_tus(&of(&[])), Ok(None));
    }

    #[test]
    fn content_digest_is_sha_256_or_sha_512_and_others_are_passed_over() {
        let read = |text: &str| of_ietf(&of(&[("Content-Digest", text)]), "Content-Digest").map(|found| found.map(|found| found.algorithm));
        assert_eq!(read(&format!("sha-256=:{SHA256}:")), Ok(Some("SHA-256")));
        assert_eq!(read(&format!("md5=:x:, sha-256=:{SHA256}:")), Ok(Some("SHA-256")));
        assert_eq!(read("md5=:x:"), Ok(None));
        for bad in ["sha-256", "sha-256=::", &format!("sha-256={SHA256}"), &format!("sha-512=:{SHA256}:")] {
            assert!(matches!(read(bad), Err(Problem::BadHeader { field: "Content-Digest", .. })), "{bad}");
        }
    }

    #[test]
    fn other_digest_is_a_mismatch_of_the_dialect() {
        let found = of_tus(&of(&[("Upload-Checksum", &format!("sha1 {SHA1}"))])).unwrap().unwrap();
        assert_eq!(found.mismatch(Some(&found.digest)), None);
        assert_eq!(found.mismatch(Some(&[0; 20])).map(|problem| problem.kind().status), Some(460));
        let digest = Checksum { is_digest: true, ..found };
        assert_eq!(digest.mismatch(None).map(|problem| problem.kind().status), Some(400));
    }
}
