//! Keys: the seeds that sign, and the public keys as a JSON Web Key Set (RFC 7517, RFC 8037).

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;

/// Base64url without padding that has one spelling only: bits that mean nothing are 0.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone));

/// Base64url of `bytes`, without padding.
pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `N` bytes from base64url without padding.
pub fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// A key that signs: a seed of 32 bytes (RFC 8032 section 5.1.5). What follows from it is computed when it is used.
#[derive(Clone)]
pub struct SigningKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(REDACTED)")
    }
}

impl SigningKey {
    /// The key of a seed.
    pub fn from_seed(seed: [u8; 32]) -> SigningKey {
        SigningKey(Zeroizing::new(seed))
    }

    /// Parses base64 of 32 bytes, as `openssl rand -base64 32` writes it.
    pub fn parse(text: &str) -> Option<SigningKey> {
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        Some(SigningKey::from_seed(bytes.as_slice().try_into().ok()?))
    }

    /// Its id: the beginning of its public key's SHA-256, 16 hex digits.
    pub fn id(&self) -> String {
        id_of(&self.inner().verifying_key())
    }

    pub(crate) fn inner(&self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&self.0)
    }
}

fn id_of(key: &VerifyingKey) -> String {
    hex::encode(Sha256::digest(key.as_bytes()).into_iter().take(8).collect::<Vec<u8>>())
}

/// Public keys, as `GET /.well-known/jettyspeed-keys.json` tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys(Vec<VerifyingKey>);

impl PublicKeys {
    /// Those of keys that sign.
    pub fn of(keys: &[SigningKey]) -> PublicKeys {
        PublicKeys(keys.iter().map(|key| key.inner().verifying_key()).collect())
    }

    /// Reads a JSON Web Key Set, or a single key of one. Keys of other kinds are left out.
    ///
    /// # Errors
    /// [`Error::MalformedKeys`] if it is neither, or has no Ed25519 key.
    pub fn parse(text: &str) -> Result<PublicKeys, Error> {
        let value: Value = serde_json::from_str(text).map_err(|error| Error::MalformedKeys(error.to_string()))?;
        let listed = value.get("keys").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![value]);
        let is = |key: &Value, field: &str, value: &str| key.get(field).and_then(Value::as_str) == Some(value);
        let read = |key: &Value| {
            let bytes = decoded::<32>(key.get("x").and_then(Value::as_str)?)?;
            VerifyingKey::from_bytes(&bytes).ok().filter(|_| is(key, "kty", "OKP") && is(key, "crv", "Ed25519"))
        };
        let keys: Vec<VerifyingKey> = listed.iter().filter_map(read).collect();
        if keys.is_empty() { Err(Error::MalformedKeys("no Ed25519 key is in it".to_owned())) } else { Ok(PublicKeys(keys)) }
    }

    /// As a JSON Web Key Set.
    pub fn to_json(&self) -> Value {
        let keys: Vec<Value> = self
            .0
            .iter()
            .map(|key| json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": id_of(key), "x": encoded(key.as_bytes()) }))
            .collect();
        json!({ "keys": keys })
    }

    pub(crate) fn find(&self, id: &str) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| id_of(key) == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.1 and A.2.
    #[test]
    fn key_of_the_rfc_has_its_public_key() {
        let seed = decoded::<32>("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let keys = PublicKeys::of(&[SigningKey::from_seed(seed)]).to_json();
        assert_eq!(keys["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(PublicKeys::parse(&keys["keys"][0].to_string()), PublicKeys::parse(&keys.to_string()));
    }

    #[test]
    fn seed_has_32_bytes_in_base64_and_is_not_printed() {
        let text = STANDARD.encode([7; 32]);
        assert_eq!(SigningKey::parse(&text).unwrap().id(), SigningKey::from_seed([7; 32]).id());
        assert_eq!(format!("{:?}", SigningKey::parse(&text)), "Some(SigningKey(REDACTED))");
        for bad in ["", "x", &STANDARD.encode([7; 31]), &STANDARD.encode([7; 33]), &format!("{text}=")] {
            assert!(SigningKey::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn text_without_an_ed25519_key_is_refused() {
        for bad in ["", "{}", "[]", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"EC","crv":"P-256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#] {
            assert!(matches!(PublicKeys::parse(bad), Err(Error::MalformedKeys(_))), "{bad}");
        }
    }
}
