//! The fault matrix: whatever the store, the Worker or the client does during an upload, it ends in the whole file, charged once, or in a clear refusal with
//! nothing left at the store and nothing reserved.

mod kills;
mod races;
mod resets;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jettyspeed_client::UploadOptions;
use jettyspeed_devstack::proxy::{Fault, Proxy};
use jettyspeed_devstack::state::AccountAccess;
use serde_json::Value;

use crate::harness::{Stack, done_or, random_bytes, unique};

/// Six parts.
const SIZE: usize = 60_000_000;

const PARTS: usize = 6;

/// A kind of request to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreCall {
    Opening,
    Part,
    Completion,
    Abortion,
}

impl StoreCall {
    fn is(self, method: &str, target: &str) -> bool {
        match self {
            StoreCall::Opening => method == "POST" && target.contains("uploads"),
            StoreCall::Part => method == "PUT" && target.contains("partNumber="),
            StoreCall::Completion => method == "POST" && target.contains("uploadId="),
            StoreCall::Abortion => method == "DELETE" && target.contains("uploadId="),
        }
    }
}

/// Injects `fault` into the first `times` requests of `which`: how many are still to come.
fn inject(proxy: &Proxy, which: StoreCall, fault: Fault, times: u32) -> Arc<AtomicU32> {
    let left = Arc::new(AtomicU32::new(times));
    let counted = Arc::clone(&left);
    proxy.inject(move |method, target| {
        let hit = which.is(method.as_str(), target) && counted.load(Ordering::SeqCst) > 0;
        hit.then(|| counted.fetch_sub(1, Ordering::SeqCst)).map(|_| fault)
    });
    left
}

/// Delays every request of these kinds.
fn slow(proxy: &Proxy, kinds: &'static [StoreCall], ms: u64) {
    proxy.inject(move |method, target| kinds.iter().any(|kind| kind.is(method.as_str(), target)).then_some(Fault::Slow(ms)));
}

/// How many requests of a kind the proxy has seen.
fn seen(proxy: &Proxy, which: StoreCall) -> usize {
    proxy.seen("").iter().filter(|seen| which.is(&seen.method, &seen.target)).count()
}

fn random(below: Duration) -> Duration {
    let number = u64::from_le_bytes(random_bytes(8).try_into().unwrap());
    below.mul_f64(number as f64 / u64::MAX as f64)
}

async fn newcomer(stack: &Stack) -> AccountAccess {
    stack.account(&unique("faulty")).tier("enterprise").create().await
}

/// Every byte is sent, `threads` parts at once.
fn plain(threads: usize) -> UploadOptions {
    UploadOptions { no_dedup: true, threads: Some(threads), ..UploadOptions::default() }
}

/// `Ok` if the account has `files` and nothing else, otherwise what it has: bytes at the store, assets, ledger, uploads and sessions that are still open.
async fn settled(stack: &Stack, account: &AccountAccess, files: &[&[u8]]) -> Result<(), String> {
    let edge = stack.edge(account);
    let listed = edge.files(None, 500).await.unwrap().files;
    let mut keys: Vec<_> = listed.iter().map(|asset| asset.s3_key.clone()).collect();
    let (mut objects, open) = stack.bucket.objects_and_uploads_of(&account.user_id).await;
    keys.sort_unstable();
    objects.sort_unstable();
    if keys != objects || keys.len() != files.len() {
        return Err(format!("assets {keys:?}, objects {objects:?}, of {} files", files.len()));
    }
    for file in files {
        let mut found = false;
        for key in &keys {
            found |= stack.bucket.get(key).await.is_some_and(|bytes| bytes == *file);
        }
        if !found {
            return Err(format!("one of {} files is not there", files.len()));
        }
    }
    let sessions = edge.open_sessions().await.unwrap();
    if !open.is_empty() || !sessions.is_empty() {
        return Err(format!("still open: {open:?}, {} sessions", sessions.len()));
    }
    let quota = edge.quota().await.unwrap();
    let bytes = files.iter().map(|file| file.len() as u64).sum();
    let (used, reserved) = (quota.storage_used_bytes, quota.storage_reserved_bytes);
    done_or((used, reserved) == (bytes, 0), format!("{used} used and {reserved} reserved, not {bytes} and 0"))
}

/// The same as an assertion; then the account's files are deleted, because they are many and large.
async fn assert_settled(stack: &Stack, account: &AccountAccess, files: &[&[u8]], what: &str) {
    if let Err(seen) = settled(stack, account, files).await {
        panic!("{what}: {seen}");
    }
    for asset in stack.edge(account).files(None, 500).await.unwrap().files {
        stack.edge(account).delete(&asset.id).await.unwrap();
    }
}

/// A session with every part sent.
async fn sent_session(stack: &Stack, account: &AccountAccess) -> (Value, Vec<u8>) {
    let bytes = random_bytes(SIZE);
    let started = stack.session(account).size(SIZE).start().await;
    stack.send_all_parts(&started, &bytes).await;
    (started, bytes)
}
