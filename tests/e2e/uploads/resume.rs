//! Uploads resume after a process dies, and no recorded part is sent again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jettyspeed_client::{Event, Progress, UploadOptions, upload};
use jettyspeed_devstack::proxy::Proxy;

use crate::harness::{Stack, done_or, eventually_every, random_file};

const SIZE: usize = 64_000_000;

/// How often each part was stored, by number.
fn stored_parts(proxy: &Proxy) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for seen in proxy.seen("partNumber=").iter().filter(|seen| seen.status == 200) {
        *counts.entry(seen.upload_part().unwrap()).or_insert(0) += 1;
    }
    counts
}

/// A progress callback that sets a flag once so many bytes are sent.
fn after(bytes: u64, flag: &Arc<AtomicBool>) -> Progress {
    let (moved, flag) = (AtomicU64::new(0), Arc::clone(flag));
    Arc::new(move |event| {
        if let Event::Moved(count) = event
            && moved.fetch_add(count, Ordering::SeqCst) + count >= bytes
        {
            flag.store(true, Ordering::SeqCst);
        }
    })
}

async fn wait_for<T: std::fmt::Debug>(flag: &AtomicBool, running: &mut tokio::task::JoinHandle<T>) {
    eventually_every(Duration::from_millis(2), Duration::from_secs(120), async || {
        if running.is_finished() {
            panic!("the upload ended before it could be interrupted: {:?}", (&mut *running).await);
        }
        done_or(flag.load(Ordering::SeqCst), "too few bytes are sent")
    })
    .await;
}

#[tokio::test]
async fn workerd_killed_during_upload_same_client_resumes() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), "kill-server.bin", SIZE);
    let flag = Arc::new(AtomicBool::new(false));
    let (edge, progress) = (stack.edge(&stack.dev), after(30_000_000, &flag));
    let options = UploadOptions { threads: Some(2), ..UploadOptions::default() };
    let mut running = tokio::spawn(async move { upload(&edge, &path, &options, progress).await });
    wait_for(&flag, &mut running).await;
    let recorded: Vec<u32> = {
        // Parts that are recorded at this moment must not be sent again.
        let session = stack.edge(&stack.dev).open_sessions().await.unwrap()[0].session_id.clone();
        let state = stack.edge(&stack.dev).session(&session, false).await.unwrap();
        stack.worker.lock().await.kill();
        state.completed.iter().map(|part| part.part_number).collect()
    };
    let before = stored_parts(&stack.proxy);
    assert!(!recorded.is_empty() && recorded.len() < 7, "killed in the middle: {recorded:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    stack.worker.lock().await.restart().await.unwrap();
    let done = running.await.unwrap().unwrap();
    assert!(stack.bucket.get(&done.asset.s3_key).await.unwrap() == bytes);
    let after = stored_parts(&stack.proxy);
    for part in recorded {
        assert_eq!(before[&part], after[&part], "part {part} was recorded and yet sent again");
    }
    assert_eq!(after.len(), 7);
}

#[tokio::test]
async fn client_killed_during_upload_another_client_resumes() {
    let stack = Stack::start(&[]).await;
    let here = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(here.path(), "kill-client.bin", SIZE);
    let flag = Arc::new(AtomicBool::new(false));
    let (edge, progress) = (stack.edge(&stack.dev), after(25_000_000, &flag));
    let options = UploadOptions { threads: Some(1), ..UploadOptions::default() };
    let from = path.clone();
    let mut running = tokio::spawn(async move { upload(&edge, &from, &options, progress).await });
    wait_for(&flag, &mut running).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    let before = stored_parts(&stack.proxy);

    // Another folder, another name, a client without state: the file is recognised by its bytes.
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("renamed.bin");
    std::fs::rename(&path, &moved).unwrap();
    // Another file of the same size must not be taken for it.
    let (impostor, impostor_bytes) = random_file(elsewhere.path(), "kill-client.bin", SIZE);
    let edge = stack.edge(&stack.dev);
    let other = upload(&edge, &impostor, &UploadOptions::default(), jettyspeed_client::no_progress()).await.unwrap();
    assert_eq!(other.bytes_resumed, 0);
    assert!(stack.bucket.get(&other.asset.s3_key).await.unwrap() == impostor_bytes);

    let done = upload(&edge, &moved, &UploadOptions::default(), jettyspeed_client::no_progress()).await.unwrap();
    assert!(done.bytes_resumed >= 20_000_000, "{done:?}");
    assert_eq!(done.asset.name, "kill-client.bin", "the session keeps the name it was opened with");
    assert!(stack.bucket.get(&done.asset.s3_key).await.unwrap() == bytes);
    let session = done.session_id.unwrap();
    assert!(stack.edge(&stack.dev).open_sessions().await.unwrap().iter().all(|open| open.session_id != session));
    assert!(before.len() >= 2 && done.parts_sent == 7 - usize::try_from(done.bytes_resumed / 10_000_000).unwrap());
}

#[tokio::test]
async fn files_with_same_name_size_and_prefix_stay_separate() {
    let stack = Stack::start(&[]).await;
    let mut files = Vec::new();
    for index in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut bytes) = random_file(folder.path(), "disk.img", SIZE);
        // The first two chunks are the same in both.
        bytes[..20_000_000].fill(7);
        bytes[20_000_000] = index;
        std::fs::write(&path, &bytes).unwrap();
        files.push((folder, path, bytes));
    }
    let options = UploadOptions { threads: Some(1), ..UploadOptions::default() };
    let flag = Arc::new(AtomicBool::new(false));
    let (edge, path, first_options, progress) = (stack.edge(&stack.dev), files[0].1.clone(), options.clone(), after(12_000_000, &flag));
    let mut first = tokio::spawn(async move { upload(&edge, &path, &first_options, progress).await });
    // The second begins while the first has recorded only parts that both files have.
    wait_for(&flag, &mut first).await;
    let edge = stack.edge(&stack.dev);
    let second = upload(&edge, &files[1].1, &options, jettyspeed_client::no_progress()).await.unwrap();
    let first = first.await.unwrap().unwrap();
    assert_ne!(first.asset.id, second.asset.id);
    assert!(stack.bucket.get(&first.asset.s3_key).await.unwrap() == files[0].2);
    assert!(stack.bucket.get(&second.asset.s3_key).await.unwrap() == files[1].2);
}
