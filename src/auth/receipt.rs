//! Receipts (docs/uploads.md, "Receipts"): a client's proof that this service stored a part, so that a lost session record can be rebuilt.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::base::hmac::MacKey;
use crate::base::id::Id;
use crate::base::sha256::Sha256Hex;

/// Prefix of a receipt.
pub const PREFIX: &str = "jtr1.";

const PURPOSE: &[u8] = b"jettyspeed receipt 1\n";

/// The fields that a receipt authenticates.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    /// Session id.
    pub session: Id,
    /// Part number, 1..=10,000.
    pub part_number: u16,
    /// Size of the part, bytes.
    pub size: u64,
    /// The declared hash, which the store verified.
    pub sha256: Option<&'a Sha256Hex>,
    /// The store's ETag, without quotes.
    pub etag: &'a str,
}

impl Receipt<'_> {
    fn message(&self) -> String {
        let hash = self.sha256.map_or("-", Sha256Hex::as_str);
        // The ETag comes last: it is the only field whose alphabet the store defines.
        format!("{}\n{}\n{}\n{hash}\n{}", self.session, self.part_number, self.size, self.etag)
    }

    /// `jtr1.` + base64url(HMAC), under the first key.
    pub fn seal(&self, keys: &[MacKey]) -> Option<String> {
        let tag = keys.first()?.sign(&[PURPOSE, self.message().as_bytes()]);
        Some(format!("{PREFIX}{}", BASE64.encode(tag)))
    }

    /// Whether `receipt` was signed by this service for exactly these values.
    pub fn verify(&self, receipt: &str, keys: &[MacKey]) -> bool {
        let Some(Ok(tag)) = receipt.strip_prefix(PREFIX).map(|tag| BASE64.decode(tag)) else {
            return false;
        };
        keys.iter().any(|key| key.verify(&[PURPOSE, self.message().as_bytes()], &tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipt_of_another_part_does_not_verify() {
        let keys = [MacKey::new(b"key"), MacKey::new(b"old")];
        let hash = Sha256Hex::of(b"x");
        let receipt = Receipt { session: Id::from_random([2; 16]), part_number: 3, size: 10, sha256: Some(&hash), etag: "e" };
        let sealed = receipt.seal(&keys).unwrap();
        assert_eq!(sealed, "jtr1.bOBgD-FcDoxF6DppAtdfYrfmpUoIRNtFCn_ZQlVeJdU");
        assert!(receipt.verify(&sealed, &keys));
        assert!(receipt.verify(&receipt.seal(&keys[1..]).unwrap(), &keys));
        for other in [
            Receipt { part_number: 4, ..receipt },
            Receipt { size: 11, ..receipt },
            Receipt { sha256: None, ..receipt },
            Receipt { etag: "f", ..receipt },
            Receipt { session: Id::from_random([3; 16]), ..receipt },
        ] {
            assert!(!other.verify(&sealed, &keys), "{other:?}");
        }
        assert!(!receipt.verify("jtr1.", &keys) && !receipt.verify("", &keys));
    }
}
