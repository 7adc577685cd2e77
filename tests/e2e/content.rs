//! Getting files back: content, ranges, candidates, listing, deletion, and whose they are.

use jettyspeed_client::{UploadOptions, no_progress, upload};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{answer, random_file, stack};

async fn stored(size: usize, name: &str) -> (jettyspeed_client::api::Asset, Vec<u8>) {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), name, size);
    let done = upload(&stack.edge(&stack.dev), &path, &UploadOptions::default(), no_progress()).await.unwrap();
    (done.asset, bytes)
}

#[tokio::test]
async fn whole_ranges_and_head() {
    let stack = stack().await;
    let (asset, bytes) = stored(3_000_000, "film.txt").await;
    let url = stack.edge(&stack.dev).download_url(&asset.id).await.unwrap();
    // Asks for compression: lengths must stay true nevertheless.
    let get = |range: Option<&str>| {
        let request = stack.http.get(&url).header("Accept-Encoding", "gzip, br");
        range.map_or(request.try_clone().unwrap(), |range| request.header("Range", range)).send()
    };
    let whole = get(None).await.unwrap();
    assert_eq!(whole.status(), 200);
    let headers = whole.headers().clone();
    assert_eq!(headers["content-length"], "3000000");
    assert_eq!(headers["content-type"], "text/plain");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["access-control-allow-origin"], "*");
    let etag = headers["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"'), "a strong validator: {etag}");
    assert!(whole.bytes().await.unwrap() == bytes);

    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=1000000-1999999", 1_000_000, 1_999_999),
        ("bytes=2999990-", 2_999_990, 2_999_999),
        ("bytes=-5", 2_999_995, 2_999_999),
    ] {
        let part = get(Some(range)).await.unwrap();
        assert_eq!(part.status(), 206, "{range}");
        assert_eq!(part.headers()["content-range"].to_str().unwrap(), format!("bytes {first}-{last}/3000000"));
        assert_eq!(part.headers()["content-length"].to_str().unwrap(), (last - first + 1).to_string());
        assert!(part.bytes().await.unwrap() == bytes[first..=last], "{range}");
    }
    let outside = get(Some("bytes=3000000-")).await.unwrap();
    assert_eq!((outside.status().as_u16(), outside.headers()["content-range"].to_str().unwrap()), (416, "bytes */3000000"));
    let changed = stack.http.get(&url).header("Range", "bytes=0-1").header("If-Range", "\"other\"").send().await.unwrap();
    assert_eq!(changed.status(), 200);
    let same = stack.http.get(&url).header("If-None-Match", &etag).send().await.unwrap();
    assert_eq!(same.status(), 304);

    stack.verified(&stack.dev, &asset.id).await;
    let before = stack.proxy.seen(&asset.s3_key).len();
    let head = stack.http.head(&url).send().await.unwrap();
    assert_eq!(head.status(), 200);
    for name in ["content-length", "content-type", "etag", "last-modified", "content-disposition", "accept-ranges"] {
        assert_eq!(head.headers().get(name), headers.get(name), "HEAD has GET's {name}");
    }
    assert_eq!(stack.proxy.seen(&asset.s3_key).len(), before, "HEAD asks nobody");
}

#[tokio::test]
async fn only_a_token_or_the_owner_opens_it() {
    let stack = stack().await;
    let (asset, bytes) = stored(1_000, "secret.bin").await;
    let url = stack.edge(&stack.dev).download_url(&asset.id).await.unwrap();
    let path = url.strip_prefix(&stack.url).unwrap();
    let (status, _) = answer(stack.anonymous(Method::GET, &path.replacen("jtf1.", "jtf1.x", 1)).send().await.unwrap()).await;
    assert_eq!(status, 401);
    let stable = asset.url.strip_prefix(&stack.url).unwrap();
    assert_eq!(answer(stack.anonymous(Method::GET, stable).send().await.unwrap()).await.0, 401);
    assert_eq!(answer(stack.request(Method::GET, stable, &stack.other).send().await.unwrap()).await.0, 404);
    let own = stack.request(Method::GET, stable, &stack.dev).send().await.unwrap();
    assert!(own.bytes().await.unwrap() == bytes);
    for path in [format!("/api/storage/files/{}", asset.id), format!("/api/storage/download?assetId={}", asset.id)] {
        assert_eq!(answer(stack.request(Method::GET, &path, &stack.other).send().await.unwrap()).await.0, 404);
    }
    let (status, _) = answer(stack.request(Method::DELETE, &format!("/api/storage/files/{}", asset.id), &stack.other).send().await.unwrap()).await;
    assert_eq!(status, 404);
    assert!(stack.bucket.get(&asset.s3_key).await.is_some());
}

#[tokio::test]
async fn candidates_and_deletion() {
    let stack = stack().await;
    let (asset, bytes) = stored(2_000, "gone.bin").await;
    let download = format!("/api/storage/download?assetId={}", asset.id);
    let (status, body) = answer(stack.request(Method::GET, &download, &stack.dev).send().await.unwrap()).await;
    assert_eq!((status, &body["provider"], &body["cached"]), (200, &json!("edge"), &json!(false)));
    assert!(body["latencyMs"].is_number() && body["expiresAt"].is_string(), "{body}");
    let providers: Vec<_> = body["candidates"].as_array().unwrap().iter().map(|candidate| candidate["provider"].as_str().unwrap()).collect();
    assert_eq!(providers, ["edge", "origin"]);
    assert_eq!(body["url"], body["candidates"][0]["url"]);
    for candidate in body["candidates"].as_array().unwrap() {
        let got = stack.http.get(candidate["url"].as_str().unwrap()).send().await.unwrap();
        assert!(got.bytes().await.unwrap() == bytes, "{candidate}");
    }
    let path = format!("/api/storage/files/{}", asset.id);
    let deleted = stack.request(Method::DELETE, &path, &stack.dev).send().await.unwrap();
    assert_eq!((deleted.status().as_u16(), deleted.bytes().await.unwrap().len()), (204, 0));
    assert_eq!(answer(stack.request(Method::DELETE, &path, &stack.dev).send().await.unwrap()).await.0, 404);
    assert_eq!(answer(stack.request(Method::GET, &path, &stack.dev).send().await.unwrap()).await.0, 404);
    assert_eq!(stack.http.get(body["url"].as_str().unwrap()).send().await.unwrap().status(), 404, "its URLs stop");
    assert!(stack.bucket.loses(&asset.s3_key).await, "and so does the object");
}

#[tokio::test]
async fn listing_pages_through_everything_once() {
    let stack = stack().await;
    for index in 0..5 {
        let request = stack.request(Method::POST, "/api/storage/upload", &stack.pro).header("X-File-Name", format!("{index}.txt"));
        assert_eq!(request.body("x").send().await.unwrap().status(), 201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/storage/files?limit=2&cursor={cursor}");
        let (status, body) = answer(stack.request(Method::GET, &path, &stack.pro).send().await.unwrap()).await;
        assert_eq!(status, 200);
        names.extend(body["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()));
        match &body["cursor"] {
            Value::String(next) => cursor.clone_from(next),
            _ => break,
        }
    }
    assert_eq!(names, ["4.txt", "3.txt", "2.txt", "1.txt", "0.txt"], "newest first");
    assert_eq!(answer(stack.request(Method::GET, "/api/storage/files?limit=x", &stack.pro).send().await.unwrap()).await.0, 422);
}
