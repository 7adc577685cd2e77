//! Authentication of webhook callers: a Standard Webhooks signature (standardwebhooks.com, specification, "Webhook signatures") or the bearer secret.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::base::hmac::{MacKey, SecretText};
use crate::base::time::EpochMs;
use crate::problem::AuthFailure;

/// Prefix of a secret that signs.
pub const PREFIX: &str = "whsec_";

/// Largest accepted difference between a timestamp and our clock, in both directions, ms.
pub const TOLERANCE_MS: u64 = 5 * 60 * 1000;

/// The longest accepted `webhook-id`, bytes.
pub const MAX_ID: usize = 255;

const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// The shortest secret, characters.
pub const MIN_SECRET: usize = 24;

/// A shared secret of webhook callers. The whole text is the bearer secret; of `whsec_` + base64 the decoded rest is also the signing key.
#[derive(Debug, Clone)]
pub struct Secret {
    whole: SecretText,
    key: Option<MacKey>,
}

impl Secret {
    /// Parses any text of [`MIN_SECRET`] characters or more. After `whsec_` there must be base64 (padding optional): it was meant to sign.
    pub fn parse(text: &str) -> Option<Secret> {
        let key = match text.strip_prefix(PREFIX) {
            Some(base64) => Some(MacKey::new(&BASE64.decode(base64).ok().filter(|key| !key.is_empty())?)),
            None => None,
        };
        (text.chars().count() >= MIN_SECRET && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Secret { whole: SecretText::new(text), key })
    }
}

/// The three header fields of a signed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`, s since 1970.
    timestamp: String,
    /// `webhook-signature`: space-separated, `v1,<base64>` each.
    signatures: String,
}

impl Signed {
    /// Reads the fields; None if the call carries no signature.
    ///
    /// # Errors
    /// [`AuthFailure::Invalid`] for incomplete or malformed fields, [`AuthFailure::Stale`] for a timestamp outside the tolerance.
    pub fn read(id: Option<&str>, timestamp: Option<&str>, signatures: Option<&str>, now: EpochMs) -> Result<Option<Signed>, AuthFailure> {
        let (id, timestamp, signatures) = match (id, timestamp, signatures) {
            // A call with the bearer secret may carry an id without a signature.
            (_, None, None) => return Ok(None),
            (Some(id), Some(timestamp), Some(signatures)) => (id.trim(), timestamp.trim(), signatures.trim()),
            _ => return Err(AuthFailure::Invalid),
        };
        let seconds: u64 = timestamp.parse().map_err(|_| AuthFailure::Invalid)?;
        if !is_id(id) {
            return Err(AuthFailure::Invalid);
        }
        let at = EpochMs(seconds.saturating_mul(1000));
        if now.since(at) > TOLERANCE_MS || at.since(now) > TOLERANCE_MS {
            return Err(AuthFailure::Stale);
        }
        Ok(Some(Signed { id: id.to_owned(), timestamp: timestamp.to_owned(), signatures: signatures.to_owned() }))
    }

    /// Whether any of the signatures verifies under any of the secrets.
    pub fn verify(&self, secrets: &[Secret], body: &[u8]) -> bool {
        let parts: [&[u8]; 5] = [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", body];
        let tags = || self.signatures.split(' ').filter_map(|one| one.strip_prefix("v1,")).filter_map(|text| BASE64.decode(text).ok());
        // The body is hashed once per secret, regardless of the number of signatures.
        secrets.iter().filter_map(|secret| secret.key.as_ref()).any(|key| {
            let right = key.sign(&parts);
            tags().any(|tag| bool::from(subtle::ConstantTimeEq::ct_eq(right.as_slice(), tag.as_slice())))
        })
    }
}

/// Whether a signature proves a call of this method. It covers the body alone: of a GET it would prove nothing that the query asks for.
pub fn proves(method: &str) -> bool {
    method == "POST"
}

/// Whether `id` is a valid `webhook-id`: without `.`, which separates the signed content, and without a comma, which joins two fields (RFC 9110, 5.3).
pub fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic() && b != b'.' && b != b',')
}

/// Whether `token` equals one of the secrets; compares in constant time.
pub fn is_bearer(token: &str, secrets: &[Secret]) -> bool {
    secrets.iter().any(|secret| secret.whole.is(token))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: EpochMs = EpochMs(1_614_265_330_000);

    fn signed(signatures: &str) -> Signed {
        Signed::read(Some("msg_p5jXN8AQM9LWM0D4loKWxJek"), Some("1614265330"), Some(signatures), NOW).unwrap().unwrap()
    }

    #[test]
    fn signature_proves_a_post_and_no_other_call() {
        assert!(proves("POST") && !proves("GET") && !proves("DELETE") && !proves("post"));
    }

    /// The published example of the Standard Webhooks libraries.
    #[test]
    fn published_example_verifies() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let right = signed("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(right.verify(std::slice::from_ref(&secret), br#"{"test": 2432232314}"#));
        assert!(!right.verify(std::slice::from_ref(&secret), br#"{"test": 2432232315}"#));
        let several = signed("v1,AAAA v2,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let old = Secret::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        assert!(several.verify(&[old.clone(), secret.clone()], br#"{"test": 2432232314}"#));
        assert!(!several.verify(&[old], br#"{"test": 2432232314}"#));
        assert!(is_bearer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &[secret]));
    }

    #[test]
    fn timestamps_within_five_minutes_pass_and_incomplete_headers_are_invalid() {
        let read = |id, at: u64| Signed::read(Some(id), Some(&at.to_string()), Some("v1,x"), NOW);
        let now = NOW.0 / 1000;
        assert!(read("a", now - 300).is_ok() && read("a", now + 300).is_ok());
        assert_eq!(read("a", now - 301), Err(AuthFailure::Stale));
        assert_eq!(read("a", now + 301), Err(AuthFailure::Stale));
        for bad in ["", "a.b", "a b", "a\u{0}", "a, b", &"x".repeat(256)] {
            assert_eq!(read(bad, now), Err(AuthFailure::Invalid), "{bad:?}");
        }
        assert_eq!((Signed::read(None, None, None, NOW), Signed::read(Some("a"), None, None, NOW)), (Ok(None), Ok(None)));
        assert_eq!(Signed::read(Some("a"), None, Some("v1,x"), NOW), Err(AuthFailure::Invalid));
        assert_eq!(Signed::read(Some("a"), Some("now"), Some("v1,x"), NOW), Err(AuthFailure::Invalid));
        for bad in
            ["", "whsec_", "whsec_!", "whsec_not-base64-not-base64-not-base64", "MfKQ", "12345678901234567890123", "a secret with spaces in it, long"]
        {
            assert!(Secret::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn secret_of_any_form_is_a_bearer_but_signs_nothing() {
        let text = "123456789012345678901234";
        let secret = Secret::parse(text).unwrap();
        assert!(is_bearer(text, std::slice::from_ref(&secret)) && !is_bearer("123456789012345678901235", std::slice::from_ref(&secret)));
        let parts: [&[u8]; 2] = [b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.", b"{}"];
        let forged = signed(&format!("v1,{}", BASE64.encode(MacKey::new(text.as_bytes()).sign(&parts))));
        assert!(!forged.verify(&[secret], b"{}"));
    }

    proptest! {
        #[test]
        fn random_signatures_never_verify(signatures in "(v1,)?[A-Za-z0-9+/= ,]{0,80}", body: Vec<u8>) {
            let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
            prop_assert!(!signed(&signatures).verify(&[secret], &body));
        }
    }
}
