//! Validated values with a unit or a format, so that a raw string or number is checked once, where it enters.

/// 10^6 bytes (docs/api.md, Naming and formats: GB = 10^9, MB = 10^6).
pub const MB: u64 = 1_000_000;

/// 10^9 bytes.
pub const GB: u64 = 1_000_000_000;

/// The largest integer that JavaScript and D1 carry exactly, 2^53 - 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// CRC-32 as in ISO 3309 (zlib, PNG), bit by bit.
pub fn crc32(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32, crc::NoTable> = crc::Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}
