//! Encryption of secrets at rest: AES-256-GCM (NIST SP 800-38D) under `CREDENTIAL_KEY`, with the row's name as associated data.
//!
//! Format: `v1.` + base64url(nonce of 12 bytes, ciphertext, tag of 16 bytes).

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};

const PREFIX: &str = "v1.";

const PURPOSE: &[u8] = b"jettyspeed vault 1\n";

/// NIST SP 800-38D section 5.2.1.1 recommends 96 bits.
pub const NONCE_BYTES: usize = 12;

/// The key that encrypts secrets at rest.
#[derive(Clone)]
pub struct Vault(Aes256Gcm);

impl Vault {
    /// Derives the key from the deployment's secret, whatever its length.
    pub fn new(secret: &str) -> Vault {
        let key: [u8; 32] = Sha256::new().chain_update(PURPOSE).chain_update(secret.as_bytes()).finalize().into();
        Vault(Aes256Gcm::new(&key.into()))
    }

    /// Encrypts `text` for `row`. `nonce` must be random: using one twice reveals both texts.
    pub fn seal(&self, row: &str, text: &str, nonce: [u8; NONCE_BYTES]) -> Option<String> {
        let payload = Payload { msg: text.as_bytes(), aad: row.as_bytes() };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(format!("{PREFIX}{}", BASE64.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Decrypts a text that was sealed for `row`; None for anything else.
    pub fn open(&self, row: &str, sealed: &str) -> Option<String> {
        let bytes = BASE64.decode(sealed.strip_prefix(PREFIX)?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let text = self.0.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: row.as_bytes() }).ok()?;
        String::from_utf8(text).ok()
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(REDACTED)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sealed_text_opens_with_its_own_row_and_key_only() {
        let vault = Vault::new("a deployment's secret of 32 chars");
        let sealed = vault.seal("account 1", "jts_secret", [7; 12]).unwrap();
        // Rows are read by later deployments, so this format must stay readable.
        assert_eq!(sealed, "v1.BwcHBwcHBwcHBwcH46dlyMGDYyyksgjIStsOufDDGTKCQJPiBDo");
        assert_eq!(vault.open("account 1", &sealed).as_deref(), Some("jts_secret"));
        assert_eq!(vault.open("account 2", &sealed), None);
        assert_eq!(Vault::new("another").open("account 1", &sealed), None);
        assert!(!format!("{vault:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn sealed_text_opens_and_any_changed_character_is_refused(text in "\\PC{0,200}", row in "\\PC{0,40}", nonce: [u8; 12], position: usize) {
            let vault = Vault::new("k");
            let sealed = vault.seal(&row, &text, nonce).unwrap();
            prop_assert_eq!(vault.open(&row, &sealed), Some(text));
            let position = position % sealed.len();
            let mut forged = sealed.clone();
            let other = if sealed.as_bytes()[position] == b'A' { "B" } else { "A" };
            forged.replace_range(position..=position, other);
            prop_assert_eq!(vault.open(&row, &forged), None);
        }
    }
}
