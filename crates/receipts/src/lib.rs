//! Receipts of files: size, SHA-256 and the hashes of the parts, signed with Ed25519 (RFC 8032) over the canonical JSON (RFC 8785). Whoever has one can check a
//! file against it without the service that issued it.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod canonical;
pub mod keys;

use ed25519_dalek::{Signer, Verifier};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::keys::{PublicKeys, SigningKey, decoded, encoded};

/// The field that has the signature, and is not signed itself.
const SIGNATURE: &str = "signature";

/// One part of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Bytes.
    pub size: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// What a receipt says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Id of the file.
    pub asset: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the whole file, lower-case hex: as the service has computed it if `verification` is `verified`, else as whoever uploaded it has claimed it; None
    /// if it is not known.
    pub sha256: Option<String>,
    /// `verified`, `pending`, `mismatch` or `none`.
    pub verification: String,
    /// The parts in their order, whose hashes the store has checked; none if they are not known.
    pub chunks: Vec<Chunk>,
    /// When the file was stored, RFC 3339.
    pub stored_at: String,
    /// When this was written, RFC 3339.
    pub issued_at: String,
}

/// Why a text is no receipt that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no receipt.
    #[error("not a receipt: {0}")]
    Malformed(String),
    /// It has no signature.
    #[error("the receipt is not signed")]
    Unsigned,
    /// Its key is none of those that are known.
    #[error("the receipt is signed with the key {0}, which is none of the keys given")]
    UnknownKey(String),
    /// It was changed, or another key signed it.
    #[error("the receipt's signature is wrong: it was changed, or somebody else has written it")]
    WrongSignature,
    /// The keys can not be read.
    #[error("not a list of keys: {0}")]
    MalformedKeys(String),
}

/// Adds `keyId` and `signature` to a receipt, an object of JSON; its other fields stay as they are. None if it has numbers that are no integers.
pub fn sign(receipt: &Value, key: &SigningKey) -> Option<Value> {
    let mut signed = receipt.clone();
    let fields = signed.as_object_mut()?;
    fields.remove(SIGNATURE);
    fields.insert("keyId".to_owned(), key.id().into());
    let text = canonical::write(&signed)?;
    let signature = encoded(&key.inner().sign(text.as_bytes()).to_bytes());
    signed.as_object_mut()?.insert(SIGNATURE.to_owned(), signature.into());
    Some(signed)
}

/// Reads a receipt and checks its signature: every field but `signature` is covered, also those that this version does not know.
///
/// # Errors
/// See [`Error`].
pub fn verify(text: &str, keys: &PublicKeys) -> Result<Receipt, Error> {
    let malformed = |error: serde_json::Error| Error::Malformed(error.to_string());
    let mut value: Value = serde_json::from_str(text).map_err(malformed)?;
    let fields = value.as_object_mut().ok_or_else(|| Error::Malformed("not an object".to_owned()))?;
    let Some(signature) = fields.remove(SIGNATURE) else { return Err(Error::Unsigned) };
    let id = fields.get("keyId").and_then(Value::as_str).ok_or(Error::Unsigned)?.to_owned();
    let key = keys.find(&id).ok_or(Error::UnknownKey(id))?;
    let signature = signature.as_str().and_then(decoded::<64>).ok_or(Error::WrongSignature)?;
    let signed = canonical::write(&value).ok_or(Error::WrongSignature)?;
    key.verify(signed.as_bytes(), &ed25519_dalek::Signature::from_bytes(&signature)).map_err(|_| Error::WrongSignature)?;
    serde_json::from_value(value).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_seed([byte; 32])
    }

    fn receipt() -> Receipt {
        Receipt {
            asset: "01010101-0101-4101-8101-010101010101".into(),
            size: 9_007_199_254_740_991,
            sha256: Some("ab".repeat(32)),
            verification: "verified".into(),
            chunks: vec![Chunk { size: 5, sha256: "cd".repeat(32) }],
            stored_at: "2026-11-20T04:06:23.120Z".into(),
            issued_at: "2026-11-20T04:06:24.000Z".into(),
        }
    }

    fn signed(byte: u8) -> Value {
        sign(&serde_json::to_value(receipt()).unwrap(), &key(byte)).unwrap()
    }

    #[test]
    fn signed_receipt_verifies_with_its_key_in_any_order_and_spacing() {
        let keys = PublicKeys::of(&[key(1), key(2)]);
        assert_eq!(verify(&signed(1).to_string(), &keys), Ok(receipt()));
        assert_eq!(verify(&serde_json::to_string_pretty(&signed(2)).unwrap(), &keys), Ok(receipt()));
        let reparsed = PublicKeys::parse(&keys.to_json().to_string()).unwrap();
        assert_eq!(verify(&signed(2).to_string(), &reparsed), Ok(receipt()));
    }

    /// Receipts outlive deployments: whoever keeps one must be able to check it with a later version.
    #[test]
    fn receipt_has_pinned_form_and_signature() {
        let text = canonical::write(&signed(7)).unwrap();
        let expected = format!(
            "{{\"asset\":\"01010101-0101-4101-8101-010101010101\",\"chunks\":[{{\"sha256\":\"{}\",\"size\":5}}],\"issuedAt\":\"2026-11-20T04:06:24.000Z\",\
             \"keyId\":\"{}\",\"sha256\":\"{}\",\"signature\":\"",
            "cd".repeat(32),
            key(7).id(),
            "ab".repeat(32)
        );
        assert!(text.starts_with(&expected), "{text}");
        assert!(text.ends_with("\"size\":9007199254740991,\"storedAt\":\"2026-11-20T04:06:23.120Z\",\"verification\":\"verified\"}"), "{text}");
    }

    #[test]
    fn receipt_that_was_changed_or_signed_by_another_is_refused() {
        let keys = PublicKeys::of(&[key(1)]);
        let with = |field: &str, value: Value| {
            let mut changed = signed(1);
            changed[field] = value;
            verify(&changed.to_string(), &keys)
        };
        for (field, value) in [
            ("size", json!(8)),
            ("sha256", json!(null)),
            ("verification", json!("none")),
            ("chunks", json!([])),
            ("asset", json!("x")),
            ("more", json!(1)),
        ] {
            assert_eq!(with(field, value), Err(Error::WrongSignature), "{field}");
        }
        assert_eq!(with("signature", json!("x")), Err(Error::WrongSignature));
        assert_eq!(with("signature", signed(2)["signature"].clone()), Err(Error::WrongSignature));
        assert_eq!(with("size", json!(1.5)), Err(Error::WrongSignature));
        assert_eq!(verify(&signed(2).to_string(), &keys), Err(Error::UnknownKey(key(2).id())));
        assert_eq!(verify(&serde_json::to_string(&receipt()).unwrap(), &keys), Err(Error::Unsigned));
        assert!(matches!(verify("{", &keys), Err(Error::Malformed(_))) && matches!(verify("[]", &keys), Err(Error::Malformed(_))));
        let other = sign(&json!({ "asset": 1 }), &key(1)).unwrap();
        assert!(matches!(verify(&other.to_string(), &keys), Err(Error::Malformed(_))), "signed, and no receipt");
    }

    proptest! {
        #[test]
        fn any_changed_byte_of_a_receipt_is_noticed(at: usize, byte in 0x20u8..0x7f) {
            let text = canonical::write(&signed(1)).unwrap();
            let mut changed = text.clone().into_bytes();
            let at = at % changed.len();
            prop_assume!(changed[at] != byte);
            changed[at] = byte;
            // What is left out of a signature's base64, or a blank beside a comma, changes nothing.
            if let Ok(read) = verify(std::str::from_utf8(&changed).unwrap(), &PublicKeys::of(&[key(1)])) {
                prop_assert_eq!(read, receipt());
            }
        }
    }
}
