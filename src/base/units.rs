//! Validated values with a unit or a format, so that a raw string or number is checked once, where it enters.

/// 10^6 bytes (SPEC section 1: GB = 10^9, MB = 10^6).
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

    #[test]
    fn within_its_bounds_whatever_it_is() {
        for (value, inside) in [(-1.0, 0.0), (0.5, 0.5), (7.0, 1.0), (f64::INFINITY, 1.0), (f64::NEG_INFINITY, 0.0), (f64::NAN, 0.0)] {
            assert_eq!(within(value, 0.0, 1.0), inside, "{value}");
        }
    }
}
