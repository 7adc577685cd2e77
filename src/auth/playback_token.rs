//! The token in a playback URL (docs/video.md, "Playing"): one video of a namespace until an instant. Being in the path, it covers relative playlist URLs.

use serde::{Deserialize, Serialize};

use crate::auth::signed_token::Kind;
use crate::base::hmac::MacKey;
use crate::base::id::Name;
use crate::base::time::EpochMs;
use crate::problem::{AuthFailure, Problem};

/// Prefix of the token.
pub const PREFIX: &str = "jtv1.";

const KIND: Kind = Kind { prefix: PREFIX, purpose: b"jettyspeed video token 1\n" };

/// What the holder of the token may play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoClaims {
    /// Namespace of the video.
    #[serde(rename = "n")]
    pub namespace: Name,
    /// Video id.
    #[serde(rename = "v")]
    pub video: Name,
    /// Valid before this instant.
    #[serde(rename = "e")]
    pub expires: EpochMs,
}

impl VideoClaims {
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
    pub fn open(token: &str, keys: &[MacKey], now: EpochMs) -> Result<VideoClaims, AuthFailure> {
        let claims: VideoClaims = KIND.open(token, keys)?;
        if now >= claims.expires { Err(AuthFailure::Expired) } else { Ok(claims) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::file_token::FileClaims;

    #[test]
    fn token_has_pinned_format_survives_rotation_and_fails_when_expired_or_of_other_kind() {
        let [old, new] = [MacKey::new(b"old"), MacKey::new(b"new")];
        let claims = VideoClaims { namespace: Name::parse("ns").unwrap(), video: Name::parse("film").unwrap(), expires: EpochMs(10) };
        let token = claims.seal(std::slice::from_ref(&old)).unwrap();
        assert!(token.starts_with("jtv1.eyJuIjoibnMiLCJ2IjoiZmlsbSIsImUiOjEwfQ."), "{token}");
        // Key rotation must not break URLs that are in use: the first key signs, all keys verify.
        let rotated = [new, old];
        assert_eq!(VideoClaims::open(&token, &rotated, EpochMs(9)), Ok(claims.clone()));
        assert_ne!(claims.seal(&rotated).unwrap(), token);
        assert_eq!(VideoClaims::open(&token, &rotated, EpochMs(10)), Err(AuthFailure::Expired));
        assert_eq!(VideoClaims::open(&token, &rotated[..1], EpochMs(9)), Err(AuthFailure::Invalid));
        assert_eq!(FileClaims::open(&token.replace("jtv1", "jtf1"), &rotated, EpochMs(0)), Err(AuthFailure::Invalid));
    }
}
