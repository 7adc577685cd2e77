//! SHA-256 digests as lowercase hex.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256 as 64 lowercase hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// Parses 64 hex digits; upper case is folded.
    pub fn parse(text: &str) -> Option<Sha256Hex> {
        (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Sha256Hex(text.to_ascii_lowercase()))
    }

    /// Parses the sha-256 member of a `Content-Digest` field (RFC 9530 section 2): `sha-256=:<base64>:`, other algorithms beside it allowed.
    pub fn parse_content_digest(field: &str) -> Option<Sha256Hex> {
        let value = field.split(',').find_map(|member| member.trim().strip_prefix("sha-256="))?;
        let base64 = value.trim().strip_prefix(':')?.split(':').next()?;
        let bytes = STANDARD.decode(base64).ok()?;
        (bytes.len() == 32).then(|| Sha256Hex(hex::encode(bytes)))
    }

    /// The hash of `bytes`. For small inputs only: file bodies do not enter WebAssembly.
    pub fn of(bytes: &[u8]) -> Sha256Hex {
        Sha256Hex(hex::encode(Sha256::digest(bytes)))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Sha256Hex::parse(&text).ok_or("not 64 hex digits")
    }
}

impl From<Sha256Hex> for String {
    fn from(hash: Sha256Hex) -> String {
        hash.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_from_hex_and_content_digest() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Sha256Hex::of(b"").as_str(), empty);
        assert_eq!(Sha256Hex::parse(&empty.to_uppercase()).map(String::from).as_deref(), Some(empty));
        assert!(Sha256Hex::parse("abc").is_none());
        assert!(Sha256Hex::parse(&"é".repeat(32)).is_none());
        let field = "md5=:AAAA:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert_eq!(Sha256Hex::parse_content_digest(field).map(String::from).as_deref(), Some(empty));
        assert!(Sha256Hex::parse_content_digest("sha-256=:AAAA:").is_none());
    }
}
