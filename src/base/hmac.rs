//! HMAC-SHA-256 (RFC 2104) for signing keys, tokens and receipts. Tags are compared here only, so that every comparison takes constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// A key prepared once: cloning it skips the two compressions that absorb the key.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// A key of any length.
    pub fn new(key: &[u8]) -> MacKey {
        // RFC 2104 section 2: longer keys are hashed, shorter ones padded with zeros to the block of 64 bytes.
        let mut block = [0u8; 64];
        if key.len() > block.len() {
            for (slot, byte) in block.iter_mut().zip(Sha256::digest(key)) {
                *slot = byte;
            }
        } else {
            for (slot, byte) in block.iter_mut().zip(key) {
                *slot = *byte;
            }
        }
        MacKey(Hmac::new(&block.into()))
    }

    /// The tag over the concatenation of `parts`.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether `tag` is the tag over `parts`; takes the same time wherever they differ.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.verify_slice(tag).is_ok()
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(REDACTED)")
    }
}

/// A secret that callers present: only a tag of it is kept, and comparing takes the same time for every guess.
#[derive(Clone)]
pub struct SecretText {
    key: MacKey,
    tag: [u8; 32],
}

impl SecretText {
    /// Stores the tag of `text`, not the text.
    pub fn new(text: &str) -> SecretText {
        let key = MacKey::new(text.as_bytes());
        let tag = key.sign(&[text.as_bytes()]);
        SecretText { key, tag }
    }

    /// Whether `guess` equals the secret.
    pub fn is(&self, guess: &str) -> bool {
        self.key.verify(&[guess.as_bytes()], &self.tag)
    }

    /// What tells this secret from another one without telling anything of it, hex: other for each `purpose`.
    pub fn mark(&self, purpose: &[u8]) -> String {
        hex::encode(self.key.sign(&[purpose]))
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(REDACTED)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_equals_itself_only_and_is_not_printed() {
        let secret = SecretText::new("abc");
        assert_eq!(secret.mark(b"a"), SecretText::new("abc").mark(b"a"));
        assert!(secret.mark(b"a") != SecretText::new("abd").mark(b"a") && secret.mark(b"a") != secret.mark(b"b"));
        assert!(secret.is("abc") && !secret.is("abd") && !secret.is("ab") && !secret.is(""));
        assert_eq!(format!("{secret:?} {:?}", MacKey::new(b"abc")), "SecretText(REDACTED) MacKey(REDACTED)");
    }

    /// RFC 4231, test cases 1, 2 and 6 (a key longer than the block).
    #[test]
    fn rfc_4231_messages_give_its_tags_and_other_tags_are_refused() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, tag) in cases {
            let key = MacKey::new(key);
            assert_eq!(hex::encode(key.sign(&[message])), tag);
            assert!(key.verify(&[message], &key.sign(&[message])));
            assert!(!key.verify(&[message], &[0; 32]));
            assert!(!key.verify(&[message], b"short"));
        }
    }
}
