//! Files of every kind of size, uploaded and downloaded by the client library, come back identical.

use jettyspeed_client::{DownloadOptions, UploadOptions, download, no_progress, upload};

use crate::harness::{random_file, stack};

async fn assert_round_trip(size: usize, accelerate: Option<bool>, parts: usize) {
    let stack = stack().await;
    let edge = stack.edge(&stack.dev);
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), &format!("{size} bytes.bin"), size);
    // Without deduplication: of two files of one random byte, one in 256 is the other's duplicate.
    let options = UploadOptions { accelerate, no_dedup: true, ..UploadOptions::default() };
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
async fn empty_file_round_trips_in_one_request() {
    assert_round_trip(0, None, 0).await;
}

#[tokio::test]
async fn one_byte_file_round_trips_in_one_request() {
    assert_round_trip(1, None, 0).await;
}

#[tokio::test]
async fn one_byte_file_round_trips_as_one_part() {
    assert_round_trip(1, Some(true), 1).await;
}

#[tokio::test]
async fn file_of_5_mib_round_trips_as_one_part() {
    assert_round_trip(5 * 1024 * 1024, Some(true), 1).await;
}

#[tokio::test]
async fn file_of_10_mb_and_a_byte_round_trips_as_two_parts() {
    assert_round_trip(10_000_001, None, 2).await;
}

#[tokio::test]
async fn file_of_137_mb_round_trips_as_twelve_parts() {
    assert_round_trip(137_000_000, None, 12).await;
}
