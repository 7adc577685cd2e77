//! The upload token: all that the chunk path needs to know about a session, signed, so that the path needs no lookup (docs/uploads.md, "The chunk path").
//!
//! Tokens issued before a deployment must verify after it: a test pins the format; new claims have defaults.

use serde::{Deserialize, Serialize};

use crate::auth::signed_token::Kind;
use crate::base::hmac::MacKey;
use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::problem::{AuthFailure, Problem};

/// Prefix of the token.
pub const PREFIX: &str = "jtu1.";

const KIND: Kind = Kind { prefix: PREFIX, purpose: b"jettyspeed upload token 1\n" };

/// Lifetime of a token, ms (docs/api.md, "Upload token").
pub const MAX_TTL_MS: u64 = 24 * 3600 * 1000;

/// What the holder of the token may do: send the parts of one upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadClaims {
    /// Account id.
    #[serde(rename = "a")]
    pub account: Id,
    /// Namespace.
    #[serde(rename = "n")]
    pub namespace: Name,
    /// Session id.
    #[serde(rename = "s")]
    pub session: Id,
    /// Object key.
    #[serde(rename = "k")]
    pub key: String,
    /// The store's multipart upload id.
    #[serde(rename = "i")]
    pub upload_id: String,
    /// File size, bytes.
    #[serde(rename = "f")]
    pub file_size: u64,
    /// Chunk size, bytes.
    #[serde(rename = "c")]
    pub chunk_size: u64,
    /// Whether parts may be sent without a SHA-256.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_unsigned: bool,
    /// Generation of the credentials that the upload was started with; absent in tokens from before credentials had generations.
    #[serde(rename = "g", default, skip_serializing_if = "is_first")]
    pub generation: u64,
    /// Valid before this instant.
    #[serde(rename = "e")]
    pub expires: EpochMs,
}

// A reference, as serde passes it.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first(generation: &u64) -> bool {
    *generation == 0
}

impl UploadClaims {
    /// The token, signed with the first key.
    ///
    /// # Errors
    /// [`Problem::Internal`] without a key.
    pub fn seal(&self, keys: &[MacKey]) -> Result<String, Problem> {
        KIND.seal(self, keys)
    }

    /// Verifies a token under any of `keys`.
    ///
    /// # Errors
    /// [`AuthFailure::Invalid`] for a wrong format or signature, [`AuthFailure::Expired`] from `expires` on.
    pub fn open(token: &str, keys: &[MacKey], now: EpochMs) -> Result<UploadClaims, AuthFailure> {
        let claims: UploadClaims = KIND.open(token, keys)?;
        if now >= claims.expires { Err(AuthFailure::Expired) } else { Ok(claims) }
    }
}

/// Whether a bearer token has the prefix of an upload token, as opposed to an API key.
pub fn has_prefix(token: &str) -> bool {
    token.starts_with(KIND.prefix)
}

/// When a token issued at `now` expires. It is independent of the session's expiry, which every part extends and which the session checks itself.
pub fn expiry(now: EpochMs) -> EpochMs {
    now.plus(MAX_TTL_MS)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    use proptest::prelude::*;

    use super::*;

    fn keys() -> Vec<MacKey> {
        [b"first key of the test".as_slice(), b"second key of the test"].map(MacKey::new).into()
    }

    fn claims() -> UploadClaims {
        UploadClaims {
            account: Id::from_random([1; 16]),
            namespace: Name::parse("jt_user_1").unwrap(),
            session: Id::from_random([2; 16]),
            key: "users/1/o/x".into(),
            upload_id: "up/+=".into(),
            file_size: 137_000_000,
            chunk_size: 50_000_000,
            allow_unsigned: false,
            generation: 0,
            expires: EpochMs(2_000),
        }
    }

    #[test]
    fn prefix_tells_upload_tokens_from_api_keys() {
        assert!(has_prefix(&format!("{}x", KIND.prefix)) && !has_prefix("jt_live_x") && !has_prefix(""));
    }

    /// Tokens outlive deployments, so this text must keep verifying.
    #[test]
    fn sealed_claims_have_pinned_format() {
        let token = claims().seal(&keys()).unwrap();
        let body = r#"{"a":"01010101-0101-4101-8101-010101010101","n":"jt_user_1","s":"02020202-0202-4202-8202-020202020202","k":"users/1/o/x","i":"up/+=","f":137000000,"c":50000000,"e":2000}"#;
        assert_eq!(token, format!("jtu1.{}.HrD3F4SA9-U-C6EFknLhWAdrO6j9JaldTZ4ragyWLFQ", BASE64.encode(body)));
        let later = UploadClaims { generation: 3, ..claims() };
        let token = later.seal(&keys()).unwrap();
        let body = body.replace(r#""e":2000"#, r#""g":3,"e":2000"#);
        assert!(token.starts_with(&format!("jtu1.{}.", BASE64.encode(body))), "{token}");
        assert_eq!(UploadClaims::open(&token, &keys(), EpochMs(0)), Ok(later));
    }

    #[test]
    fn token_of_old_key_verifies_until_expiry_or_key_removal() {
        let old = claims().seal(&keys()[1..]).unwrap();
        assert_eq!(UploadClaims::open(&old, &keys(), EpochMs(1_999)), Ok(claims()));
        assert_eq!(UploadClaims::open(&old, &keys(), EpochMs(2_000)), Err(AuthFailure::Expired));
        assert_eq!(UploadClaims::open(&old, &keys()[..1], EpochMs(0)), Err(AuthFailure::Invalid));
        assert_eq!(expiry(EpochMs(5)), EpochMs(5 + MAX_TTL_MS));
    }

    proptest! {
        #[test]
        fn sealed_token_opens_to_its_claims(
            size in 1u64..1 << 53, chunk in 1u64..1 << 40, key in "[a-zA-Z0-9/._-]{1,200}", upload in "\\PC{1,200}", unsigned: bool,
        ) {
            let claims = UploadClaims { file_size: size, chunk_size: chunk, key, upload_id: upload, allow_unsigned: unsigned, ..claims() };
            prop_assert_eq!(UploadClaims::open(&claims.seal(&keys()).unwrap(), &keys(), EpochMs(0)), Ok(claims));
        }

        #[test]
        fn any_changed_character_returns_invalid(position in 0usize..300, replacement in "[A-Za-z0-9._-]") {
            let token = claims().seal(&keys()).unwrap();
            let position = position % token.len();
            let mut forged = token.clone();
            forged.replace_range(position..=position, &replacement);
            // The last character of unpadded base64 may have unused bits; the decoder refuses nonzero ones, so each token has one spelling only.
            prop_assume!(forged != token);
            prop_assert_eq!(UploadClaims::open(&forged, &keys(), EpochMs(0)), Err(AuthFailure::Invalid));
        }

        #[test]
        fn random_text_returns_invalid(text in "\\PC{0,100}") {
            prop_assert_eq!(UploadClaims::open(&text, &keys(), EpochMs(0)), Err(AuthFailure::Invalid));
            prop_assert_eq!(UploadClaims::open(&format!("jtu1.{text}"), &keys(), EpochMs(0)), Err(AuthFailure::Invalid));
        }
    }
}
