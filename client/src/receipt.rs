//! Checks a local file against a receipt of the server, offline.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use jettyspeed_receipts::keys::PublicKeys;
use jettyspeed_receipts::{Receipt, verify};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Error;

/// The largest receipt and the largest list of keys that is read, bytes: an event with 1,000 parts has 96,000.
const MAX_TEXT: u64 = 4_000_000;

/// Bytes that are read and hashed at once.
const BLOCK: usize = 1 << 20;

/// What a file was checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The receipt, whose signature is right.
    pub receipt: Receipt,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// Number of parts whose hashes were compared.
    pub parts: usize,
}

impl Verified {
    /// Whether the server itself has computed a hash that the file has: of the whole file, or of each of its parts.
    pub fn is_computed(&self) -> bool {
        self.receipt.verification == "verified" || self.parts > 0
    }
}

/// Reads a text of at most 4 MB.
///
/// # Errors
/// [`Error::File`], [`Error::Usage`].
pub fn read_text(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut text = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_TEXT + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_TEXT {
        return Err(Error::Usage(format!("{} is too long for a receipt or a list of keys", path.display())));
    }
    String::from_utf8(text).map_err(|_| Error::Usage(format!("{} is not UTF-8", path.display())))
}

/// Checks that the receipt is signed by one of `keys` and that the file is the one that it describes. `receipt` is a receipt, or the event `upload.completed` that
/// has it; `keys` a JSON Web Key Set, as `GET /.well-known/jettyspeed-keys.json` gives it.
///
/// # Errors
/// [`Error::Receipt`] if the signature is wrong or the file another one; [`Error::Usage`] if a text is neither; [`Error::File`].
pub fn verify_file(file: &Path, receipt: &str, keys: &str) -> Result<Verified, Error> {
    let keys = PublicKeys::parse(keys).map_err(|error| Error::Usage(error.to_string()))?;
    let receipt = verify(&receipt_in(receipt), &keys).map_err(|error| match error {
        jettyspeed_receipts::Error::Malformed(_) => Error::Usage(error.to_string()),
        _ => Error::Receipt(error.to_string()),
    })?;
    compare(file, receipt)
}

/// The receipt in an event, or the text as it is.
fn receipt_in(text: &str) -> String {
    let event: Option<Value> = serde_json::from_str(text).ok();
    let inside = event.as_ref().and_then(|event| event.get("data")).and_then(|data| data.get("receipt"));
    inside.map_or_else(|| text.to_owned(), Value::to_string)
}

fn compare(path: &Path, receipt: Receipt) -> Result<Verified, Error> {
    let other = |what: String| Error::Receipt(format!("{} is not the file of the receipt: {what}", path.display()));
    if receipt.verification == "mismatch" {
        return Err(Error::Receipt("the receipt says that what is stored is not what its uploader claimed".to_owned()));
    }
    let read = hashes(path, &receipt.chunks.iter().map(|chunk| chunk.size).collect::<Vec<_>>())?;
    if read.size != receipt.size {
        return Err(other(format!("it has {} bytes, not {}", read.size, receipt.size)));
    }
    // The sizes of the parts may say another length than the size, if a service signs what is wrong.
    let wrong = receipt.chunks.iter().zip(&read.parts).position(|(chunk, hash)| chunk.sha256 != *hash);
    if let Some(part) = wrong {
        return Err(other(format!("part {} is another", part + 1)));
    }
    if read.parts.len() != receipt.chunks.len() {
        return Err(other(format!("it has {} parts, not {}", read.parts.len(), receipt.chunks.len())));
    }
    if receipt.sha256.as_ref().is_some_and(|hash| *hash != read.whole) {
        return Err(other(format!("its SHA-256 is {}", read.whole)));
    }
    if receipt.sha256.is_none() && receipt.chunks.is_empty() {
        return Err(Error::Receipt("the receipt has no hash to compare the file with".to_owned()));
    }
    Ok(Verified { sha256: read.whole, parts: read.parts.len(), receipt })
}

struct Hashes {
    size: u64,
    whole: String,
    parts: Vec<String>,
}

/// Reads a file once: hashes the whole, and its parts of these sizes, as far as they go.
fn hashes(path: &Path, sizes: &[u64]) -> Result<Hashes, Error> {
    let failed = |source| Error::File { path: PathBuf::from(path), source };
    let mut file = File::open(path).map_err(failed)?;
    let (mut whole, mut part) = (Sha256::new(), Sha256::new());
    let (mut size, mut parts, mut sizes) = (0u64, Vec::new(), sizes.iter().copied());
    let mut left = sizes.next();
    let mut block = vec![0; BLOCK];
    loop {
        let limit = left.map_or(BLOCK, |left| usize::try_from(left).unwrap_or(BLOCK).clamp(1, BLOCK));
        let Some(room) = block.get_mut(..limit) else { break };
        let read = match file.read(room) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        let Some(bytes) = block.get(..read) else { break };
        whole.update(bytes);
        size += read as u64;
        if let Some(open) = left {
            part.update(bytes);
            let rest = open.saturating_sub(read as u64);
            left = Some(rest);
            if rest == 0 {
                parts.push(hex(&std::mem::take(&mut part).finalize()));
                left = sizes.next();
            }
        }
    }
    Ok(Hashes { size, whole: hex(&whole.finalize()), parts })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use jettyspeed_receipts::keys::SigningKey;
    use jettyspeed_receipts::{Chunk, sign};

    use super::*;

    fn of(bytes: &[u8], chunk: usize, verification: &str) -> Receipt {
        Receipt {
            asset: "a".into(),
            size: bytes.len() as u64,
            sha256: Some(hex(&Sha256::digest(bytes))),
            verification: verification.into(),
            chunks: bytes.chunks(chunk).map(|part| Chunk { size: part.len() as u64, sha256: hex(&Sha256::digest(part)) }).collect(),
            stored_at: "2026-11-20T04:06:23.120Z".into(),
            issued_at: "2026-11-20T04:06:24.000Z".into(),
        }
    }

    fn check(bytes: &[u8], receipt: &Receipt) -> Result<Verified, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let key = SigningKey::from_seed([1; 32]);
        let signed = sign(&serde_json::to_value(receipt).unwrap(), &key).unwrap();
        let keys = PublicKeys::of(&[key]).to_json().to_string();
        let event = serde_json::json!({ "type": "upload.completed", "data": { "receipt": signed.clone() } });
        let (plain, inside) = (verify_file(&path, &signed.to_string(), &keys), verify_file(&path, &event.to_string(), &keys));
        let told = |result: Result<Verified, Error>| result.map_err(|error| error.to_string());
        let (plain, inside) = (told(plain), told(inside));
        assert_eq!(plain, inside);
        plain
    }

    #[test]
    fn file_of_the_receipt_passes_by_its_whole_and_its_parts() {
        let bytes: Vec<u8> = (0..3 * BLOCK + 5).map(|at| (at % 251) as u8).collect();
        for chunk in [BLOCK, BLOCK + 7, 1_000_000, bytes.len()] {
            let verified = check(&bytes, &of(&bytes, chunk, "pending")).unwrap();
            assert_eq!((verified.parts, verified.is_computed()), (bytes.len().div_ceil(chunk), true));
        }
        let without = Receipt { chunks: vec![], ..of(&bytes, 1, "pending") };
        assert!(!check(&bytes, &without).unwrap().is_computed(), "a claim");
        assert!(check(&bytes, &Receipt { verification: "verified".into(), ..without }).unwrap().is_computed());
        assert!(check(&bytes, &Receipt { sha256: None, verification: "none".into(), ..of(&bytes, BLOCK, "none") }).is_ok());
        assert!(check(b"", &of(b"", 1, "verified")).is_ok());
    }

    #[test]
    fn another_file_is_refused_with_what_differs() {
        let bytes = b"0123456789";
        let receipt = of(bytes, 4, "verified");
        for (other, what) in [
            (&b"012345678"[..], "has 9 bytes"),
            (b"01234567890", "has 11 bytes"),
            (b"0123x56789", "part 2 is another"),
            (b"x123456789", "part 1 is another"),
        ] {
            assert!(check(other, &receipt).unwrap_err().contains(what), "{what}");
        }
        let whole = Receipt { chunks: vec![], ..receipt.clone() };
        assert!(check(b"012345678x", &whole).unwrap_err().contains("SHA-256"));
        assert!(check(bytes, &Receipt { verification: "mismatch".into(), ..receipt.clone() }).is_err());
        assert!(check(bytes, &Receipt { sha256: None, chunks: vec![], ..receipt.clone() }).unwrap_err().contains("no hash"));
        let more = Receipt { chunks: [receipt.chunks.clone(), vec![Chunk { size: 1, sha256: "x".into() }]].concat(), ..receipt };
        assert!(check(bytes, &more).unwrap_err().contains("parts"));
    }

    #[test]
    fn text_that_is_no_receipt_or_no_key_is_wrong_usage() {
        let file = Path::new("/dev/null");
        let keys = PublicKeys::of(&[SigningKey::from_seed([1; 32])]).to_json().to_string();
        for (receipt, keys) in [("{", keys.as_str()), ("[]", keys.as_str()), ("{}", "{}")] {
            assert!(matches!(verify_file(file, receipt, keys), Err(Error::Usage(_))), "{receipt}");
        }
        assert!(matches!(verify_file(file, "{}", &keys), Err(Error::Receipt(_))), "not signed");
    }
}
