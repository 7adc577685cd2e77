//! Names, bytes, files and hashes.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A name that no other test uses.
pub fn unique(prefix: &str) -> String {
    let bytes: [u8; 4] = random_bytes(4).try_into().unwrap();
    format!("{prefix}{:08x}", u32::from_be_bytes(bytes))
}

/// Lowercase hex SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that differ from test to test and do not compress.
pub fn random_bytes(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// A file of random bytes: its path and the bytes.
pub fn random_file(folder: &Path, name: &str, size: usize) -> (PathBuf, Vec<u8>) {
    let bytes = random_bytes(size);
    let path = folder.join(name);
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}
