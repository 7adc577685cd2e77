//! API keys and secrets (docs/api.md, "Account"): a prefix, random base62 digits and a base62 CRC-32, so that a mistyped key is refused before any lookup.

use crate::base::sha256::Sha256Hex;
use crate::problem::AuthFailure;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 62^6 > 2^32: six digits hold a CRC-32.
const CRC_DIGITS: usize = 6;

const KEY_RANDOM: usize = 30;

const SECRET_RANDOM: usize = 34;

/// Whether a key is for production or for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Prefix `jt_live_`.
    Live,
    /// Prefix `jt_test_`.
    Test,
}

impl Mode {
    fn prefix(self) -> &'static str {
        match self {
            Mode::Live => LIVE_PREFIX,
            Mode::Test => TEST_PREFIX,
        }
    }
}

/// Prefix of keys for production.
pub const LIVE_PREFIX: &str = "jt_live_";

/// Prefix of keys for tests.
pub const TEST_PREFIX: &str = "jt_test_";

/// Prefix of secrets.
pub const SECRET_PREFIX: &str = "jts_";

fn crc_digits(text: &str) -> String {
    let mut rest = crate::base::units::crc32(text.as_bytes());
    let mut digits = [b'0'; CRC_DIGITS];
    for slot in digits.iter_mut().rev() {
        *slot = digit(rest % 62);
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

fn digit(value: u32) -> u8 {
    usize::try_from(value).ok().and_then(|index| BASE62.get(index)).copied().unwrap_or(b'0')
}

fn compose(prefix: &str, digits: usize, random: &mut impl FnMut() -> u8) -> String {
    let mut text = prefix.to_owned();
    while text.len() < prefix.len() + digits {
        // Rejection sampling keeps the digits uniform: 248 = 4 x 62 is the largest multiple of 62 in a byte.
        let byte = random();
        if byte < 248 {
            text.push(char::from(digit(u32::from(byte) % 62)));
        }
    }
    let crc = crc_digits(&text);
    text + &crc
}

fn is_well_formed(text: &str, prefix: &str, digits: usize) -> bool {
    text.len() == prefix.len() + digits + CRC_DIGITS
        && text.starts_with(prefix)
        && text.bytes().skip(prefix.len()).all(|b| b.is_ascii_alphanumeric())
        && text.is_char_boundary(text.len() - CRC_DIGITS)
        && {
            let (body, crc) = text.split_at(text.len() - CRC_DIGITS);
            crc_digits(body) == crc
        }
}

/// A new key: prefix + 30 random base62 digits + CRC-32 in 6 base62 digits. `random` yields uniform bytes.
pub fn new_key(mode: Mode, mut random: impl FnMut() -> u8) -> String {
    compose(mode.prefix(), KEY_RANDOM, &mut random)
}

/// A new secret: `jts_` + 34 random base62 digits + CRC-32 in 6 base62 digits.
pub fn new_secret(mut random: impl FnMut() -> u8) -> String {
    compose(SECRET_PREFIX, SECRET_RANDOM, &mut random)
}

/// Credentials of a request as the database identifies them: hashes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedCredentials {
    /// SHA-256 of the key.
    pub key_hash: Sha256Hex,
    /// SHA-256 of the secret.
    pub secret_hash: Sha256Hex,
}

/// Reads the account credentials of a request: `Authorization: Bearer jt_…` or `X-API-Key`, with `X-API-Secret`.
///
/// # Errors
/// [`AuthFailure::Missing`] if the key or the secret is absent, [`AuthFailure::Invalid`] if either has a wrong format or checksum.
pub fn read_credentials(bearer: Option<&str>, x_api_key: Option<&str>, x_api_secret: Option<&str>) -> Result<PresentedCredentials, AuthFailure> {
    let key = bearer.or(x_api_key).ok_or(AuthFailure::Missing)?.trim();
    let secret = x_api_secret.ok_or(AuthFailure::Missing)?.trim();
    let known_key = [Mode::Live, Mode::Test].iter().any(|mode| is_well_formed(key, mode.prefix(), KEY_RANDOM));
    if !known_key || !is_well_formed(secret, SECRET_PREFIX, SECRET_RANDOM) {
        return Err(AuthFailure::Invalid);
    }
    Ok(PresentedCredentials { key_hash: Sha256Hex::of(key.as_bytes()), secret_hash: Sha256Hex::of(secret.as_bytes()) })
}

/// The token of an `Authorization: Bearer` field (RFC 6750; the scheme is case-insensitive).
pub fn bearer(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(seed: u8) -> (String, String) {
        let mut state = seed;
        let mut random = move || {
            state = state.wrapping_mul(73).wrapping_add(41);
            state
        };
        (new_key(Mode::Live, &mut random), new_secret(&mut random))
    }

    #[test]
    fn new_pair_has_documented_format_and_either_header_is_accepted() {
        let (key, secret) = pair(1);
        assert!(key.starts_with("jt_live_") && key.len() == 8 + 36, "{key}");
        assert!(secret.starts_with("jts_") && secret.len() == 4 + 40, "{secret}");
        assert_eq!(crc_digits("123456789"), "3jZRME", "CRC-32 check value cbf43926 in base62");
        let both = read_credentials(Some(&key), None, Some(&secret)).unwrap();
        assert_eq!(both, read_credentials(None, Some(&key), Some(&secret)).unwrap());
        assert_eq!(read_credentials(Some(&key), None, None), Err(AuthFailure::Missing));
        assert_eq!(read_credentials(None, None, Some(&secret)), Err(AuthFailure::Missing));
        assert_eq!(bearer(Some("bearer  x ")), Some("x"));
        assert_eq!(bearer(Some("Basic x")), None);
    }

    #[test]
    fn bytes_from_248_on_give_no_digit_and_every_digit_comes_from_four_bytes() {
        let mut bytes = (0..=255).rev().cycle();
        let key = new_key(Mode::Test, || bytes.next().unwrap());
        // 255 to 248 are skipped; 247 is 3 x 62 + 61.
        assert_eq!(key.get(8..38), Some("zyxwvutsrqponmlkjihgfedcbaZYXW"));
        let mut bytes = (0..=255).cycle();
        let digits = compose("", 248, &mut || bytes.next().unwrap());
        for digit in BASE62 {
            assert_eq!(digits.bytes().take(248).filter(|byte| byte == digit).count(), 4, "{}", char::from(*digit));
        }
    }

    proptest! {
        #[test]
        fn any_replaced_character_returns_invalid(seed: u8, position in 0usize..44, replacement in "[0-9A-Za-z]") {
            let (key, secret) = pair(seed);
            let mut typo = key.clone();
            typo.replace_range(position..=position, &replacement);
            prop_assume!(typo != key);
            prop_assert_eq!(read_credentials(Some(&typo), None, Some(&secret)), Err(AuthFailure::Invalid));
            let mut typo = secret.clone();
            typo.replace_range(position..=position, &replacement);
            prop_assume!(typo != secret);
            prop_assert_eq!(read_credentials(Some(&key), None, Some(&typo)), Err(AuthFailure::Invalid));
        }

        #[test]
        fn random_text_returns_invalid(key in "\\PC{0,60}", secret in "\\PC{0,60}") {
            prop_assert_eq!(read_credentials(Some(&key), None, Some(&secret)), Err(AuthFailure::Invalid));
        }
    }
}
