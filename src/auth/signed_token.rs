//! Signed tokens: JSON claims and their HMAC. They can be read by anyone but only made with a token key.
//!
//! Format: prefix + base64url(JSON) + `.` + base64url(HMAC-SHA-256 over purpose and JSON).
//!
//! Not JWT: these tokens stand in URLs and are shorter without a header, and there is no algorithm that a caller could choose (RFC 8725 section 3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::hmac::MacKey;
use crate::base::json;
use crate::problem::{AuthFailure, Problem};

/// One type of token.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Prefix of the token; it includes the version of the format.
    pub prefix: &'static str,
    /// Part of the signed data, so that a token of one kind never verifies as another.
    pub purpose: &'static [u8],
}

impl Kind {
    /// A token with these claims, signed with the first key.
    ///
    /// # Errors
    /// [`Problem::Internal`] without a key.
    pub fn seal<T: Serialize>(&self, claims: &T, keys: &[MacKey]) -> Result<String, Problem> {
        let key = keys.first().ok_or(Problem::Internal)?;
        let claims = json::write(claims).map_err(|_| Problem::Internal)?;
        let tag = key.sign(&[self.purpose, claims.as_bytes()]);
        Ok(format!("{}{}.{}", self.prefix, BASE64.encode(claims), BASE64.encode(tag)))
    }

    /// The claims of a token of this kind that verifies under any of `keys`. The caller checks the expiry.
    ///
    /// # Errors
    /// [`AuthFailure::Invalid`] for another prefix, a wrong signature or malformed claims.
    pub fn open<T: DeserializeOwned>(&self, token: &str, keys: &[MacKey]) -> Result<T, AuthFailure> {
        let (claims, tag) = token.strip_prefix(self.prefix).and_then(|rest| rest.split_once('.')).ok_or(AuthFailure::Invalid)?;
        let claims = BASE64.decode(claims).map_err(|_| AuthFailure::Invalid)?;
        let tag = BASE64.decode(tag).map_err(|_| AuthFailure::Invalid)?;
        if !keys.iter().any(|key| key.verify(&[self.purpose, &claims], &tag)) {
            return Err(AuthFailure::Invalid);
        }
        let claims = std::str::from_utf8(&claims).map_err(|_| AuthFailure::Invalid)?;
        json::read(claims).map_err(|_| AuthFailure::Invalid)
    }
}
