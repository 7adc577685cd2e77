//! Secrets that sign what is sent (standardwebhooks.com, specification, "Signature scheme"): `whsec_` and base64 of 24 to 64 bytes. In the database they are
//! sealed, and nobody is told one again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::auth::webhook_signature::PREFIX;
use crate::base::hmac::MacKey;
use crate::base::id::Id;
use crate::base::time::EpochMs;

/// Bytes of a secret that is drawn here.
pub const RANDOM_BYTES: usize = 32;

/// For how long a secret that was replaced signs beside the new one, ms.
pub const OVERLAP_MS: u64 = 24 * 3_600 * 1_000;

/// A secret that signs.
#[derive(Clone)]
pub struct Secret {
    text: String,
    key: MacKey,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(REDACTED)")
    }
}

impl Secret {
    /// Parses `whsec_` and base64 of 24 to 64 bytes, with its padding; None for anything else.
    pub fn parse(text: &str) -> Option<Secret> {
        let bytes = BASE64.decode(text.strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&bytes.len()).then(|| Secret { text: text.to_owned(), key: MacKey::new(&bytes) })
    }

    /// The secret of random bytes.
    pub fn of_random(bytes: [u8; RANDOM_BYTES]) -> Secret {
        Secret { text: format!("{PREFIX}{}", BASE64.encode(bytes)), key: MacKey::new(&bytes) }
    }

    /// As its owner is told it once, and as it is sealed.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn signature(&self, id: &str, seconds: u64, body: &str) -> String {
        let time = seconds.to_string();
        format!("v1,{}", BASE64.encode(self.key.sign(&[id.as_bytes(), b".", time.as_bytes(), b".", body.as_bytes()])))
    }
}

/// What a secret is sealed for: the endpoint's row.
pub fn row(endpoint: Id) -> String {
    format!("webhook endpoint {endpoint}")
}

/// The header fields of a message: id, time of this attempt, and one signature for each secret, the newest first.
pub fn headers(secrets: &[Secret], id: &str, now: EpochMs, body: &str) -> Vec<(&'static str, String)> {
    let seconds = now.0 / 1_000;
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.signature(id, seconds, body)).collect();
    vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "JettySpeed-Webhooks/1".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(headers: &[(&'static str, String)], name: &str) -> String {
        headers.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone()).unwrap()
    }

    /// The published example of the Standard Webhooks libraries.
    #[test]
    fn published_example_has_its_signature() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers = headers(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", EpochMs(1_614_265_330_999), r#"{"test": 2432232314}"#);
        assert_eq!(field(&headers, "webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(
            (field(&headers, "webhook-id").as_str(), field(&headers, "webhook-timestamp").as_str()),
            ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")
        );
    }

    #[test]
    fn secret_has_24_to_64_bytes_in_base64_and_is_not_printed() {
        let of = |bytes: usize| Secret::parse(&format!("whsec_{}", BASE64.encode(vec![7; bytes])));
        assert_eq!([23, 24, 64, 65].map(|bytes| of(bytes).is_some()), [false, true, true, false]);
        for bad in
            ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw "]
        {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
        let drawn = Secret::of_random([1; RANDOM_BYTES]);
        assert_eq!(Secret::parse(drawn.text()).map(|parsed| parsed.text), Some(drawn.text.clone()));
        assert_eq!(format!("{drawn:?}"), "Secret(REDACTED)");
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // The reference library compares with the clock.
    fn reference_library_verifies_each_of_two_secrets_and_no_third() {
        let secrets = [1, 2].map(|byte| Secret::of_random([byte; RANDOM_BYTES]));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let (body, now) = (r#"{"type":"upload.completed","name":"\u00fc"}"#, EpochMs(u64::try_from(now).unwrap()));
        let mut map = http::HeaderMap::new();
        for (name, value) in headers(&secrets, "msg_1", now, body) {
            map.insert(name, value.parse().unwrap());
        }
        let verifies = |secret: &Secret, body: &str| standardwebhooks::Webhook::new(secret.text()).unwrap().verify(body.as_bytes(), &map).is_ok();
        assert!(secrets.iter().all(|secret| verifies(secret, body)));
        assert!(!verifies(&secrets[0], "{}") && !verifies(&Secret::of_random([3; RANDOM_BYTES]), body));
    }
}
