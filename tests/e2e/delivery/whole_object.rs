//! Large files that are read whole repeatedly are also cached in one piece: the same bytes, never a part of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};

use crate::harness::{Call, SLICE, Stack, StoredFile, eventually_every, fetch};

const SIZE: usize = 6 * SLICE + 11;

/// Files of the PoP's cache whose size satisfies `is`.
fn entries(state: &Path, is: impl Fn(u64) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![state.join("v3/cache")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(data) if data.is_dir() => folders.push(entry.path()),
                Ok(data) if is(data.len()) => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

struct Cached {
    stack: Stack,
    file: StoredFile,
    state: PathBuf,
}

impl Cached {
    /// Stores a file and reads it once, so that all its slices are cached.
    async fn begin() -> Cached {
        let stack = Stack::start(&[]).await;
        let file = stack.file(&stack.dev).name("joined.bin").size(SIZE).store().await;
        assert!(fetch(stack.http.get(&file.url)).await.2.unwrap() == file.bytes);
        let state = stack.worker.lock().await.setup().state.clone();
        assert!(entries(&state, |bytes| bytes == SIZE as u64).is_empty(), "who reads it once needs it once");
        Cached { stack, file, state }
    }

    /// Reads the file until it is cached in one piece: that cache entry's path.
    async fn joined(&self) -> PathBuf {
        let path = eventually_every(Duration::from_millis(100), Duration::from_secs(40), async || {
            assert!(fetch(self.stack.http.get(&self.file.url)).await.2.unwrap() == self.file.bytes);
            entries(&self.state, |bytes| bytes == SIZE as u64).pop().ok_or("it is not cached in one piece")
        })
        .await;
        // The entry that points to it is written after it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        path
    }

    fn range(&self, first: usize, last: usize) -> RequestBuilder {
        self.stack.http.get(&self.file.url).header("Range", format!("bytes={first}-{last}"))
    }

    async fn is_right(&self) {
        let whole = self.stack.http.get(&self.file.url).sent().await.unwrap();
        assert_eq!((whole.status().as_u16(), whole.content_length()), (200, Some(SIZE as u64)), "never chunked");
        let cache = whole.headers()["cache-status"].to_str().unwrap().to_owned();
        assert!(cache.starts_with("JettySpeed; hit; ttl="), "{cache}");
        assert!(whole.bytes().await.unwrap() == self.file.bytes);
        for (first, last) in [(0, SIZE - 1), (1, SIZE - 2), (SLICE - 1, SLICE), (3 * SLICE + 7, SIZE - 1)] {
            let (status, cache, body) = fetch(self.range(first, last)).await;
            assert!(status == 206 && cache.starts_with("JettySpeed; hit"), "{status} {cache}");
            assert!(body.unwrap() == self.file.bytes[first..=last], "{first}-{last}");
        }
    }
}

#[tokio::test]
async fn repeatedly_read_file_is_cached_whole_and_served_without_slices() {
    let cached = Cached::begin().await;
    let path = cached.joined().await;
    let before = cached.stack.store_reads(&cached.file.key);
    // Without its slices, the file can only be served from the one piece.
    for slice in entries(&cached.state, |bytes| bytes == SLICE as u64 || bytes == 11) {
        fs::remove_file(slice).unwrap();
    }
    cached.is_right().await;
    assert_eq!(cached.stack.store_reads(&cached.file.key), before, "the store is not asked");
    // If the one piece is lost, it is read and written again.
    fs::remove_file(path).unwrap();
    let _ = fetch(cached.stack.http.get(&cached.file.url)).await;
    cached.joined().await;
    cached.is_right().await;
    // Deleting the file deletes the one piece, too.
    let delete = cached.stack.request(Method::DELETE, &format!("/api/storage/files/{}", cached.file.id), &cached.stack.dev).sent().await.unwrap();
    assert_eq!(delete.status(), 204);
    assert_eq!(fetch(cached.stack.http.get(&cached.file.url)).await.0, 404);
}

#[tokio::test]
async fn interrupted_whole_object_write_is_never_served() {
    let cached = Cached::begin().await;
    for round in 0..6_u64 {
        // All slices are cached: writing the one piece begins as this read ends, and workerd is killed during it.
        assert!(fetch(cached.stack.http.get(&cached.file.url)).await.2.unwrap() == cached.file.bytes);
        tokio::time::sleep(Duration::from_millis(5 + 8 * round)).await;
        cached.stack.worker.lock().await.kill_and_restart().await.unwrap();
        assert!(fetch(cached.stack.http.get(&cached.file.url)).await.2.unwrap() == cached.file.bytes, "round {round}");
        let (_, _, body) = fetch(cached.range(SIZE - 2 * SLICE, SIZE - 1)).await;
        assert!(body.unwrap() == cached.file.bytes[SIZE - 2 * SLICE..], "round {round}");
    }
    cached.joined().await;
    cached.is_right().await;
}
