//! The token in a content URL (docs/delivery.md, "Content URLs"): read access to one asset of a namespace until an instant, for any holder of the URL.

use serde::{Deserialize, Serialize};

use crate::auth::signed_token::Kind;
use crate::base::hmac::MacKey;
use crate::base::id::{Id, Name};
use crate::base::time::EpochMs;
use crate::problem::{AuthFailure, Problem};

/// Prefix of the token.
pub const PREFIX: &str = "jtf1.";

const KIND: Kind = Kind { prefix: PREFIX, purpose: b"jettyspeed file token 1\n" };

/// Lifetime of a content URL, ms (docs/api.md, "Path tokens").
pub const TTL_MS: u64 = 3600 * 1000;

/// What the holder of the token may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileClaims {
    /// Namespace of the asset.
    #[serde(rename = "n")]
    pub namespace: Name,
    /// Asset id.
    #[serde(rename = "a")]
    pub asset: Id,
    /// Valid before this instant.
    #[serde(rename = "e")]
    pub expires: EpochMs,
}

impl FileClaims {
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
    pub fn open(token: &str, keys: &[MacKey], now: EpochMs) -> Result<FileClaims, AuthFailure> {
        let claims: FileClaims = KIND.open(token, keys)?;
        if now >= claims.expires { Err(AuthFailure::Expired) } else { Ok(claims) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::upload_token::UploadClaims;

    #[test]
    fn token_has_pinned_format_and_fails_when_expired_or_of_other_kind() {
        let keys = [MacKey::new(b"key")];
        let claims = FileClaims { namespace: Name::parse("ns").unwrap(), asset: Id::from_random([1; 16]), expires: EpochMs(10) };
        let token = claims.seal(&keys).unwrap();
        assert_eq!(
            token,
            "jtf1.eyJuIjoibnMiLCJhIjoiMDEwMTAxMDEtMDEwMS00MTAxLTgxMDEtMDEwMTAxMDEwMTAxIiwiZSI6MTB9.mUtGJDIMuDGlLimn1_JJeHTfwQk-kY1xp1wQMemsKT8"
        );
        assert_eq!(FileClaims::open(&token, &keys, EpochMs(9)), Ok(claims));
        assert_eq!(FileClaims::open(&token, &keys, EpochMs(10)), Err(AuthFailure::Expired));
        assert_eq!(UploadClaims::open(&token.replace("jtf1", "jtu1"), &keys, EpochMs(0)), Err(AuthFailure::Invalid));
    }
}
