//! Validated values with a unit or a format, so that a raw string or number is checked once, where it enters.

/// 10^6 bytes (docs/api.md, Naming and formats: GB = 10^9, MB = 10^6).
pub const MB: u64 = 1_000_000;

/// 10^9 bytes.
pub const GB: u64 = 1_000_000_000;

/// The largest integer that JavaScript and D1 carry exactly, 2^53 - 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A number as JSON writes it. That parser is here anyway; `str::parse` would bring tables of its own, 20 KB of them.
pub fn decimal(text: &str) -> Option<f64> {
    crate::base::json::read(text.trim()).ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sha256::Sha256Hex;
    use crate::base::time::EpochMs;

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
