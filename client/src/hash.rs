//! Hashes of parts of files, read in small blocks.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::Error;
use crate::api::Challenge;
use crate::local_file::LocalFile;

/// Maximum length of a range of a challenge, bytes.
const MAX_RANGE: u64 = 1 << 20;
/// Block size of reads; larger blocks measured no faster.
const BLOCK: usize = 128 * 1024;

/// Limits concurrent hashing to the number of cores: more threads only compete for caches.
fn hashers() -> Arc<Semaphore> {
    static HASHERS: OnceLock<Arc<Semaphore>> = OnceLock::new();
    Arc::clone(HASHERS.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Arc::new(Semaphore::new(cores))
    }))
}

/// SHA-256 of `length` bytes of the file from `offset`, lowercase hex.
///
/// # Errors
/// [`Error::FileChanged`], [`Error::File`].
pub async fn of_range(file: &LocalFile, offset: u64, length: u64) -> Result<String, Error> {
    digest_of::<Sha256>(file, offset, length).await
}

/// MD5 of the same range, which most stores use as a part's ETag: no proof of content, but if the store has it, the part need not be sent again.
///
/// # Errors
/// As [`of_range`].
pub async fn md5_of_range(file: &LocalFile, offset: u64, length: u64) -> Result<String, Error> {
    digest_of::<Md5>(file, offset, length).await
}

async fn digest_of<D: Digest>(file: &LocalFile, offset: u64, length: u64) -> Result<String, Error> {
    let owned = file.clone();
    on_a_core(move || {
        let opened = owned.open()?;
        digest::<D>(&opened, offset, length).map_err(|error| owned.read_error(error))
    })
    .await
}

/// Adds `length` bytes of the file from `offset` to `whole`; with `alone` it also returns their own SHA-256, of the same reading.
///
/// # Errors
/// As [`of_range`].
pub async fn go_on(file: &LocalFile, offset: u64, length: u64, mut whole: Sha256, alone: bool) -> Result<(Sha256, Option<String>), Error> {
    let owned = file.clone();
    on_a_core(move || {
        let mut own = alone.then(Sha256::new);
        let read = owned.open().map(|opened| {
            each_block(&opened, offset, length, |block| {
                whole.update(block);
                if let Some(own) = &mut own {
                    own.update(block);
                }
            })
        })?;
        read.map_err(|error| owned.read_error(error))?;
        Ok((whole, own.map(|own| hex(own.finalize()))))
    })
    .await
}

/// SHA-256 of the file's first bytes, once for each of these lengths, which are in ascending order: of one reading.
///
/// # Errors
/// As [`of_range`].
pub async fn of_beginnings(file: &LocalFile, lengths: &[u64]) -> Result<Vec<String>, Error> {
    let (mut hashes, mut hasher, mut before) = (Vec::new(), Sha256::new(), 0);
    for length in lengths {
        (hasher, _) = go_on(file, before, length.saturating_sub(before), hasher, false).await?;
        hashes.push(hex(hasher.clone().finalize()));
        before = *length;
    }
    Ok(hashes)
}

/// SHA-256 of the first `length` bytes of an open file, lowercase hex.
///
/// # Errors
/// The system's, and `UnexpectedEof` if the file is shorter.
pub async fn of_open_file(file: File, length: u64) -> Result<std::io::Result<String>, Error> {
    on_a_core(move || Ok(digest::<Sha256>(&file, 0, length))).await
}

/// SHA-256 of bytes in memory, lowercase hex.
///
/// # Errors
/// [`Error::Usage`] while the process ends.
pub async fn of_bytes(bytes: bytes::Bytes) -> Result<String, Error> {
    on_a_core(move || Ok(hex(Sha256::digest(&bytes)))).await
}

async fn on_a_core<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let _permit = hashers().acquire_owned().await.map_err(|_| Error::Usage("shutting down".to_owned()))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Unexpected(error.to_string()))?
}

/// Lowercase hex digits.
pub fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHashes {
    /// SHA-256 of the whole file; None if it must not be claimed.
    pub whole: Option<String>,
    /// SHA-256 of each chunk, in order.
    pub chunks: Vec<String>,
    /// Size of every chunk except the last, bytes.
    pub chunk_size: u64,
}

/// The hashes of a file of `size` bytes in chunks of `chunk_size`: the whole file in parallel with the chunks, on all cores.
///
/// # Errors
/// As [`of_range`].
pub async fn of_file(file: &LocalFile, chunk_size: u64) -> Result<FileHashes, Error> {
    let size = file.size;
    let ranges = (0..size.div_ceil(chunk_size.max(1))).map(|index| (index * chunk_size, chunk_size.min(size - index * chunk_size)));
    let chunks = futures_util::future::try_join_all(ranges.map(|(offset, length)| of_range(file, offset, length)));
    let (whole, chunks) = tokio::try_join!(of_range(file, 0, size), chunks)?;
    Ok(FileHashes { whole: Some(whole), chunks, chunk_size })
}

/// The proof of possession: HMAC-SHA-256 over the ranges, keyed with the text of the nonce, lowercase hex.
///
/// # Errors
/// As [`of_range`].
pub async fn proof(file: &LocalFile, challenge: &Challenge) -> Result<String, Error> {
    let (owned, challenge) = (file.clone(), challenge.clone());
    on_a_core(move || answer(&owned.open()?, &challenge).map_err(|error| owned.read_error(error))).await
}

fn answer(mut file: &File, challenge: &Challenge) -> std::io::Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(challenge.nonce.as_bytes()).map_err(std::io::Error::other)?;
    for (first, last) in &challenge.ranges {
        let mut bytes = vec![0; usize::try_from(last.saturating_sub(*first).saturating_add(1).min(MAX_RANGE)).unwrap_or_default()];
        file.seek(SeekFrom::Start(*first))?;
        file.read_exact(&mut bytes)?;
        mac.update(&bytes);
    }
    Ok(hex(mac.finalize().into_bytes()))
}

fn digest<D: Digest>(file: &File, offset: u64, length: u64) -> std::io::Result<String> {
    let mut hasher = D::new();
    each_block(file, offset, length, |block| hasher.update(block))?;
    Ok(hex(hasher.finalize()))
}

/// Gives away `length` bytes of the file from `offset`, block by block.
fn each_block(mut file: &File, offset: u64, length: u64, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    let mut rest = file.take(length);
    let mut block = vec![0u8; BLOCK];
    let mut done = 0;
    loop {
        let count = rest.read(&mut block)?;
        if count == 0 {
            break;
        }
        take(&block[..count]);
        done += count as u64;
    }
    if done != length {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file is shorter than it was"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn range_hash_and_error_for_a_file_that_is_too_short() {
        let named = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(named.path(), b"xabcx").unwrap();
        let file = LocalFile::stat(named.path()).await.unwrap();
        let hash = of_range(&file, 1, 3).await.unwrap();
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(of_bytes("abc".into()).await.unwrap(), hash);
        assert!(matches!(of_range(&file, 3, 3).await, Err(Error::FileChanged(_))));
        let all = of_file(&file, 2).await.unwrap();
        assert_eq!((all.chunks.len(), all.whole), (3, Some(of_range(&file, 0, 5).await.unwrap())));
        assert_eq!(all.chunks[2], of_range(&file, 4, 1).await.unwrap());
    }
}
