//! API keys and secrets in the Worker's format, and the hashes that it stores. Implemented apart from the Worker, so that starting it does not require a second
//! compilation of it; tests/devstack.rs compares the two.

use crc::{CRC_32_ISO_HDLC, Crc};
use sha2::{Digest, Sha256};

use crate::Result;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// `jt_test_`, 30 random base62 digits, and their CRC-32 in six.
pub fn test_key() -> Result<String> {
    draw("jt_test_", 30)
}

/// `jts_`, 34 random base62 digits, and their CRC-32 in six.
pub fn secret() -> Result<String> {
    draw("jts_", 34)
}

fn draw(prefix: &str, digits: usize) -> Result<String> {
    let mut text = prefix.to_owned();
    while text.len() < prefix.len() + digits {
        let [byte] = random::<1>()?;
        // 248 = 4 x 62: larger bytes would make some digits more likely than others.
        if byte < 248 {
            text.push(digit(u32::from(byte)));
        }
    }
    let crc = CRC.checksum(text.as_bytes());
    text.extend((0..6).rev().map(|place| digit(crc / 62_u32.pow(place))));
    Ok(text)
}

fn digit(value: u32) -> char {
    char::from(BASE62[value as usize % BASE62.len()])
}

/// Random bytes of the operating system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// SHA-256, in lowercase hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
