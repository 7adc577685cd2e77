//! Files of awkward sizes go up through the client library and come back identical.

use jettyspeed_client::{DownloadOptions, UploadOptions, download, no_progress, upload};

use crate::stack::{random_file, stack};

async fn there_and_back(size: usize, accelerate: Option<bool>, parts: usize) {
    let stack = stack().await;
    let edge = stack.edge(&stack.dev);
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), &format!("{size} bytes.bin"), size);
    let options = UploadOptions { accelerate, ..UploadOptions::default() };
    let done = upload(&edge, &path, &options, no_progress()).await.unwrap();
    assert_eq!((done.asset.size, done.parts_sent), (size as u64, parts));
    assert_eq!(done.asset.name, format!("{size} bytes.bin"));

    let stored = stack.bucket.get(&done.asset.s3_key).await.expect("the object is in the bucket");
    assert!(stored == bytes, "the bucket has other bytes");

    let back = folder.path().join("back.bin");
    download(&edge, &done.asset.id, Some(&back), &DownloadOptions::default(), no_progress()).await.unwrap();
    assert!(std::fs::read(&back).unwrap() == bytes, "other bytes came back");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing temporary is left: {left:?}");
}

#[tokio::test]
async fn empty() {
    there_and_back(0, None, 0).await;
}

#[tokio::test]
async fn one_byte_in_one_request() {
    there_and_back(1, None, 0).await;
}

#[tokio::test]
async fn one_byte_as_a_part() {
    there_and_back(1, Some(true), 1).await;
}

#[tokio::test]
async fn five_mib() {
    there_and_back(5 * 1024 * 1024, Some(true), 1).await;
}

#[tokio::test]
async fn ten_mb_and_a_byte() {
    there_and_back(10_000_001, None, 2).await;
}

#[tokio::test]
async fn a_hundred_and_thirty_seven_mb() {
    there_and_back(137_000_000, None, 3).await;
}
