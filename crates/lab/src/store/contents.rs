//! What the store has: objects and unfinished multipart uploads, in memory. Of the bytes it keeps only the newest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::HeaderMap;
use sha2::{Digest, Sha256};

use super::body::Received;

/// What was sent in one request, or copied from such.
pub struct Piece {
    /// Bytes.
    pub length: u64,
    /// Not MD5, as S3's ETags of encrypted objects: tools compare nothing with it.
    pub etag: String,
    bytes: Mutex<Option<Bytes>>,
}

impl Piece {
    /// Its bytes, if they are still kept.
    pub fn bytes(&self) -> Option<Bytes> {
        lock(&self.bytes).clone()
    }
}

/// An object.
#[derive(Clone)]
pub struct Object {
    /// Its bytes in order.
    pub pieces: Vec<Arc<Piece>>,
    /// Without quotes.
    pub etag: String,
    /// Header fields that belong to it.
    pub headers: HeaderMap,
    /// When it was completed.
    pub modified: DateTime<Utc>,
}

impl Object {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.length).sum()
    }

    /// Bytes `first..=last`, without a copy; None if they are no longer kept.
    pub fn slices(&self, first: u64, last: u64) -> Option<Vec<Bytes>> {
        let (mut at, mut slices) = (0, Vec::new());
        for piece in &self.pieces {
            let (begin, end) = (first.max(at), (last + 1).min(at + piece.length));
            if begin < end {
                let within = |position: u64| usize::try_from(position - at).ok();
                slices.push(piece.bytes()?.slice(within(begin)?..within(end)?));
            }
            at += piece.length;
        }
        Some(slices)
    }
}

/// An unfinished multipart upload.
pub struct Upload {
    /// Of the object to be.
    pub key: String,
    /// Header fields of the object to be.
    pub headers: HeaderMap,
    /// Parts by number.
    pub parts: BTreeMap<u16, Arc<Piece>>,
    /// When it was created.
    pub initiated: DateTime<Utc>,
}

/// Everything.
#[derive(Default)]
pub struct Contents {
    /// Objects by key.
    pub objects: BTreeMap<String, Object>,
    /// Unfinished uploads by id.
    pub uploads: BTreeMap<String, Upload>,
    /// Uploads so far, for their ids.
    pub created: u64,
}

/// Pieces whose bytes are kept, oldest first.
pub struct Keeper {
    most: u64,
    kept: Mutex<VecDeque<Weak<Piece>>>,
}

impl Keeper {
    /// Keeps up to `most` bytes.
    pub fn new(most: u64) -> Keeper {
        Keeper { most, kept: Mutex::default() }
    }

    /// The largest body that is kept.
    pub fn largest(&self) -> u64 {
        self.most / 2
    }

    /// Takes a body; the oldest ones make room for it.
    pub fn keep(&self, received: Received) -> Arc<Piece> {
        let Received { bytes, length, sha256 } = received;
        let piece = Arc::new(Piece { length, etag: sha256, bytes: Mutex::new(bytes) });
        let mut kept = lock(&self.kept);
        kept.push_back(Arc::downgrade(&piece));
        // What was deleted or replaced is gone with its last owner.
        kept.retain(|piece| piece.strong_count() > 0);
        let mut sum: u64 = kept.iter().filter_map(Weak::upgrade).map(|piece| piece.length).sum();
        while sum > self.most {
            let Some(oldest) = kept.pop_front().and_then(|oldest| oldest.upgrade()) else { break };
            sum -= oldest.length;
            lock(&oldest.bytes).take();
        }
        piece
    }
}

/// The ETag of an object of several pieces.
pub fn joined_etag(pieces: &[Arc<Piece>]) -> String {
    let mut hash = Sha256::new();
    pieces.iter().for_each(|piece| hash.update(piece.etag.as_bytes()));
    format!("{}-{}", hex::encode(hash.finalize()), pieces.len())
}

/// A poisoned lock is as good as another: nothing is changed halfway.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(text: &'static str) -> Received {
        Received { bytes: Some(Bytes::from_static(text.as_bytes())), length: text.len() as u64, sha256: text.into() }
    }

    fn object(pieces: Vec<Arc<Piece>>) -> Object {
        Object { pieces, etag: String::new(), headers: HeaderMap::new(), modified: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn range_over_several_pieces() {
        let keeper = Keeper::new(100);
        let object = object(["abc", "de", "fgh"].map(|text| keeper.keep(received(text))).into());
        let text = |first, last| object.slices(first, last).map(|slices| slices.concat());
        assert_eq!(object.size(), 8);
        assert_eq!(text(2, 5), Some(b"cdef".to_vec()));
        assert_eq!(text(0, 7), Some(b"abcdefgh".to_vec()));
        assert_eq!(text(4, 4), Some(b"e".to_vec()));
    }

    #[test]
    fn oldest_bytes_make_room_and_deleted_ones_need_none() {
        let keeper = Keeper::new(6);
        let (first, second) = (keeper.keep(received("abc")), keeper.keep(received("def")));
        drop(second);
        let third = keeper.keep(received("ghi"));
        assert!(first.bytes().is_some());
        let fourth = keeper.keep(received("j"));
        assert_eq!((first.bytes(), first.length), (None, 3));
        assert!(third.bytes().is_some() && fourth.bytes().is_some());
        assert_eq!(object(vec![first, third]).slices(2, 4), None);
    }
}
