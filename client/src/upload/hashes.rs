//! Hashes of an upload's parts and of its whole file, each computed once: when a part is about to be sent, or ahead of that in the background.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OnceCell, RwLock};
use tokio::task::JoinSet;

use super::Hashes;
use crate::Error;
use crate::hash;
use crate::local_file::LocalFile;
use crate::resume::place;

/// What is claimed of the whole file at completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing.
    Nothing,
    /// This hash, which the server was told at the start.
    Known(String),
    /// The hash that is computed while parts are sent.
    Computed,
}

/// The hashes.
pub struct UploadHashes {
    file: LocalFile,
    chunk_size: u64,
    parts: Mutex<BTreeMap<u32, Arc<OnceCell<String>>>>,
    claim: Claim,
    /// The task that reads the file once, from its beginning to its end; its result is the hash of the whole.
    ahead: Mutex<JoinSet<Result<String, Error>>>,
    whole: RwLock<Option<String>>,
}

impl UploadHashes {
    /// Those of `file`, of which the hashes `known` are computed already.
    pub fn new(file: &LocalFile, chunk_size: u64, known: Hashes, claim: Claim) -> UploadHashes {
        let parts = known.into_iter().map(|(number, hash)| (number, Arc::new(OnceCell::new_with(Some(hash))))).collect();
        let (parts, ahead) = (Mutex::new(parts), Mutex::default());
        UploadHashes { file: file.clone(), chunk_size, parts, claim, ahead, whole: RwLock::default() }
    }

    /// Starts to hash in the background if the hash of the whole file is to be claimed and not known; the hashes of parts that are unknown come from the same
    /// reading. Stops when `self` is dropped.
    pub async fn begin(self: &Arc<UploadHashes>) {
        if self.claim == Claim::Computed {
            let weak = Arc::downgrade(self);
            let (file, chunk_size) = (self.file.clone(), self.chunk_size);
            self.ahead.lock().await.spawn(async move {
                let mut whole = Sha256::new();
                for number in 1.. {
                    let Some((offset, length)) = place(number, chunk_size, file.size) else { break };
                    let Some(hashes) = weak.upgrade() else { break };
                    let part = hashes.cell(number).await;
                    let (next, hash) = hash::go_on(&file, offset, length, whole, !part.initialized()).await?;
                    whole = next;
                    // Refused if the part's own sender computes it or has computed it meanwhile: the value is the same.
                    let _ = hash.map(|hash| part.set(hash));
                }
                Ok(hash::hex(whole.finalize()))
            });
        }
    }

    /// The hash of part `number`, whose place in the file this is.
    ///
    /// # Errors
    /// As [`hash::of_range`].
    pub async fn of_part(&self, number: u32, (offset, length): (u64, u64)) -> Result<String, Error> {
        let part = self.cell(number).await;
        part.get_or_try_init(|| hash::of_range(&self.file, offset, length)).await.cloned()
    }

    /// The computed hashes of parts, in order.
    pub async fn of_parts(&self) -> Vec<String> {
        self.parts.lock().await.values().filter_map(|part| part.get().cloned()).collect()
    }

    /// The hash of the whole file, if one is to be claimed; waits for it.
    ///
    /// # Errors
    /// As [`hash::of_range`].
    pub async fn of_file(&self) -> Result<Option<String>, Error> {
        match &self.claim {
            Claim::Nothing => return Ok(None),
            Claim::Known(hash) => return Ok(Some(hash.clone())),
            Claim::Computed => {}
        }
        if let Some(ended) = self.ahead.lock().await.join_next().await {
            *self.whole.write().await = Some(ended.map_err(|error| Error::Unexpected(error.to_string()))??);
        }
        Ok(self.whole.read().await.clone())
    }

    async fn cell(&self, number: u32) -> Arc<OnceCell<String>> {
        Arc::clone(self.parts.lock().await.entry(number).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(bytes: &[u8]) -> String {
        hash::hex(Sha256::digest(bytes))
    }

    async fn file_of(bytes: &[u8]) -> (tempfile::NamedTempFile, LocalFile) {
        let named = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(named.path(), bytes).unwrap();
        let file = LocalFile::stat(named.path()).await.unwrap();
        (named, file)
    }

    #[tokio::test]
    async fn background_computes_all_parts_and_the_file_and_keeps_what_is_known() {
        let (_named, file) = file_of(b"abcdefgh").await;
        let known = Hashes::from([(2, "known".to_owned())]);
        let hashes = Arc::new(UploadHashes::new(&file, 3, known, Claim::Computed));
        hashes.begin().await;
        assert_eq!(hashes.of_file().await.unwrap(), Some(sha256(b"abcdefgh")));
        assert_eq!(hashes.of_file().await.unwrap(), Some(sha256(b"abcdefgh")), "asked twice");
        assert_eq!(hashes.of_parts().await, [sha256(b"abc"), "known".to_owned(), sha256(b"gh")]);
    }

    #[tokio::test]
    async fn without_a_claim_only_the_parts_that_are_asked_for_are_computed() {
        let (_named, file) = file_of(b"abcdefgh").await;
        for (claim, whole) in [(Claim::Nothing, None), (Claim::Known("w".to_owned()), Some("w".to_owned()))] {
            let hashes = Arc::new(UploadHashes::new(&file, 3, Hashes::new(), claim));
            hashes.begin().await;
            assert_eq!(hashes.of_part(3, (6, 2)).await.unwrap(), sha256(b"gh"));
            assert_eq!((hashes.of_file().await.unwrap(), hashes.of_parts().await), (whole, vec![sha256(b"gh")]));
        }
    }

    #[tokio::test]
    async fn file_that_changes_meanwhile_is_reported_by_the_hash_of_the_whole() {
        let (named, file) = file_of(b"abcdefgh").await;
        std::fs::write(named.path(), b"abc").unwrap();
        let hashes = Arc::new(UploadHashes::new(&file, 3, Hashes::new(), Claim::Computed));
        hashes.begin().await;
        assert!(matches!(hashes.of_file().await, Err(Error::FileChanged(_))));
    }
}
