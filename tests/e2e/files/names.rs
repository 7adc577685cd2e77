//! File names: in sessions, lists, headers and URLs.

use jettyspeed_client::{UploadOptions, no_progress, upload};
use serde_json::Value;

use crate::harness::{Call, random_bytes, stack};

fn unusual_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "a b.txt",
        " leading and trailing ",
        "100%.txt",
        "literal-%3D-triplet.txt",
        "a+b=c.txt",
        "what?#fragment.bin",
        "\"double\" and 'single'.txt",
        "back\\slash.txt",
        "semi;colon,comma.txt",
        "[brackets]{braces}<angles>.txt",
        "star*pipe|caret^tick`.txt",
        "tilde~dot.dash-under_score",
        "emoji 🚀🎬.mp4",
        "Ünïcödé ファイル 文件.pdf",
        "e\u{301} combining.txt",
        "rtl \u{5e9}\u{5dc}\u{5d5}\u{5dd}.txt",
        "...",
        "..",
        "-rf",
        "CON",
    ]
    .map(str::to_owned)
    .into();
    names.push("x".repeat(1024));
    names.push("🚀".repeat(256));
    names
}

#[tokio::test]
async fn unusual_file_names_survive_upload_listing_and_download() {
    let stack = stack().await;
    let edge = stack.edge(&stack.dev);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.bin");
    for (index, name) in unusual_names().into_iter().enumerate() {
        let bytes = random_bytes(100 + index);
        std::fs::write(&path, &bytes).unwrap();
        for accelerate in [true, false] {
            let options = UploadOptions { name: Some(name.clone()), accelerate: Some(accelerate), ..UploadOptions::default() };
            let done = upload(&edge, &path, &options, no_progress()).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(done.asset.name, name);
            assert!(stack.bucket.get(&done.asset.s3_key).await.unwrap() == bytes, "{name}");

            let url = edge.download_url(&done.asset.id).await.unwrap();
            let response = stack.http.get(&url).sent().await.unwrap();
            assert_eq!(response.status(), 200, "{name}: {url}");
            let disposition = response.headers()["content-disposition"].to_str().unwrap().to_owned();
            assert!(response.bytes().await.unwrap() == bytes, "{name}");
            let exact = match disposition.split_once("filename*=UTF-8''") {
                Some((_, encoded)) => percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap().into_owned(),
                None => disposition.split('"').nth(1).unwrap().to_owned(),
            };
            assert_eq!(exact, name, "{disposition}");

            // The last candidate is a presigned URL of the store.
            let path = format!("/api/storage/download?direct=1&assetId={}", done.asset.id);
            let (_, body) = stack.get(&stack.dev, &path).await;
            let candidates: &Vec<Value> = body["candidates"].as_array().unwrap();
            let direct = candidates.last().unwrap();
            assert_eq!(direct["provider"], "origin");
            let response = stack.http.get(direct["url"].as_str().unwrap()).sent().await.unwrap();
            assert_eq!(response.status(), 200, "{name}: {direct}");
            assert!(response.bytes().await.unwrap() == bytes, "{name}");
        }
    }
    let listed = edge.files(None, 500).await.unwrap().files;
    assert!(unusual_names().iter().all(|name| listed.iter().any(|file| file.name == *name)));
}
