//! Validated values with a unit or a format, so that a raw string or number is checked once, where it enters.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 10^6 bytes (SPEC section 1: GB = 10^9, MB = 10^6).
pub const MB: u64 = 1_000_000;
/// 10^9 bytes.
pub const GB: u64 = 1_000_000_000;
/// The largest integer that JavaScript and D1 carry exactly, 2^53 - 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochMs(pub u64);

impl EpochMs {
    /// This instant plus `ms` milliseconds.
    pub fn plus(self, ms: u64) -> EpochMs {
        EpochMs(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`; 0 if that lies in the future.
    pub fn since(self, earlier: EpochMs) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Parses RFC 3339; None for anything else and for what lies before 1970.
    pub fn parse(text: &str) -> Option<EpochMs> {
        let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
        u64::try_from(at.timestamp_millis()).ok().map(EpochMs)
    }

    /// RFC 3339 in UTC with milliseconds, `2026-11-20T04:06:23.120Z`.
    pub fn rfc3339(self) -> String {
        i64::try_from(self.0)
            .ok()
            .and_then(chrono::DateTime::from_timestamp_millis)
            .unwrap_or_default()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }

    /// The two dates of Signature Version 4: `20261120T040623Z` and `20261120`.
    pub fn amz(self) -> (String, String) {
        let text = self.rfc3339();
        let seconds: String = text.split('.').next().unwrap_or_default().chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let day = seconds.chars().take(8).collect();
        (format!("{seconds}Z"), day)
    }

    /// IMF-fixdate of RFC 9110 section 5.6.7, for `Last-Modified`.
    pub fn http_date(self) -> String {
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_millis(self.0))
    }
}

/// A SHA-256 as 64 lowercase hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// Parses 64 hex digits; upper case is folded.
    pub fn parse(text: &str) -> Option<Sha256Hex> {
        (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Sha256Hex(text.to_ascii_lowercase()))
    }

    /// Parses the sha-256 member of a `Content-Digest` field (RFC 9530 section 2): `sha-256=:<base64>:`, other algorithms beside it allowed.
    pub fn parse_content_digest(field: &str) -> Option<Sha256Hex> {
        let value = field.split(',').find_map(|member| member.trim().strip_prefix("sha-256="))?;
        let base64 = value.trim().strip_prefix(':')?.split(':').next()?;
        let bytes = STANDARD.decode(base64).ok()?;
        (bytes.len() == 32).then(|| Sha256Hex(hex(&bytes)))
    }

    /// The hash of bytes at hand. Only for small things: never for file bodies (they do not enter WebAssembly).
    pub fn of(bytes: &[u8]) -> Sha256Hex {
        Sha256Hex(hex(&Sha256::digest(bytes)))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Sha256Hex::parse(&text).ok_or("not 64 hex digits")
    }
}

impl From<Sha256Hex> for String {
    fn from(hash: Sha256Hex) -> String {
        hash.0
    }
}

/// A number as JSON writes it. That parser is here anyway; `str::parse` would bring tables of its own, 20 KB of them.
pub fn decimal(text: &str) -> Option<f64> {
    crate::json::read(text.trim()).ok()
}

/// `value`, but no less than `least` and no more than `most`; `least` if it is no number. `f64::clamp` can panic, and brings 16 KB of code to say with what.
pub fn within(value: f64, least: f64, most: f64) -> f64 {
    value.max(least).min(most)
}

/// CRC-32 as in ISO 3309 (zlib, PNG), bit by bit.
pub fn crc32(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32, crc::NoTable> = crc::Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

/// Puts `item` where it belongs in `sorted`, after its equals. For a few items: the library's sort costs 3 KB of code for each type.
pub fn insert_sorted<T>(sorted: &mut Vec<T>, item: T, before: impl Fn(&T, &T) -> bool) {
    let at = sorted.iter().rposition(|other| !before(&item, other)).map_or(0, |at| at + 1);
    sorted.insert(at, item);
}

/// Lowercase hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_its_bounds_whatever_it_is() {
        for (value, inside) in [(-1.0, 0.0), (0.5, 0.5), (7.0, 1.0), (f64::INFINITY, 1.0), (f64::NEG_INFINITY, 0.0), (f64::NAN, 0.0)] {
            assert_eq!(within(value, 0.0, 1.0), inside, "{value}");
        }
    }

    #[test]
    fn times_in_three_formats() {
        let t = EpochMs(1_440_938_160_120);
        assert_eq!(t.rfc3339(), "2015-08-30T12:36:00.120Z");
        assert_eq!(t.amz(), ("20150830T123600Z".into(), "20150830".into()));
        assert_eq!(t.http_date(), "Sun, 30 Aug 2015 12:36:00 GMT");
    }

    #[test]
    fn hashes_from_hex_and_content_digest() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Sha256Hex::of(b"").as_str(), empty);
        assert_eq!(Sha256Hex::parse(&empty.to_uppercase()).map(String::from).as_deref(), Some(empty));
        assert!(Sha256Hex::parse("abc").is_none());
        assert!(Sha256Hex::parse(&"é".repeat(32)).is_none());
        let field = "md5=:AAAA:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert_eq!(Sha256Hex::parse_content_digest(field).map(String::from).as_deref(), Some(empty));
        assert!(Sha256Hex::parse_content_digest("sha-256=:AAAA:").is_none());
    }
}
