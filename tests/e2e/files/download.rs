//! Downloads: content, headers, URLs, deletion.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, stack};

#[tokio::test]
async fn get_range_and_head_return_matching_bytes_and_headers() {
    let stack = stack().await;
    let (asset, bytes) = stack.file(&stack.dev).name("film.txt").size(3_000_000).upload().await;
    let url = stack.edge(&stack.dev).download_url(&asset.id).await.unwrap();
    // Content-Length is right although the client accepts compression.
    let get = |range: Option<&str>| {
        let request = stack.http.get(&url).header("Accept-Encoding", "gzip, br");
        range.map_or(request.try_clone().unwrap(), |range| request.header("Range", range)).sent()
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
    let changed = stack.http.get(&url).header("Range", "bytes=0-1").header("If-Range", "\"other\"").sent().await.unwrap();
    assert_eq!(changed.status(), 200);
    let same = stack.http.get(&url).header("If-None-Match", &etag).sent().await.unwrap();
    assert_eq!(same.status(), 304);

    stack.verified(&stack.dev, &asset.id).await;
    let before = stack.proxy.seen(&asset.s3_key).len();
    let head = stack.http.head(&url).sent().await.unwrap();
    assert_eq!(head.status(), 200);
    for name in ["content-length", "content-type", "etag", "last-modified", "content-disposition", "accept-ranges"] {
        assert_eq!(head.headers().get(name), headers.get(name), "HEAD has GET's {name}");
    }
    assert_eq!(stack.proxy.seen(&asset.s3_key).len(), before, "HEAD asks nobody");
}

#[tokio::test]
async fn download_lists_edge_and_origin_urls_and_deleted_file_returns_404() {
    let stack = stack().await;
    let (asset, bytes) = stack.file(&stack.dev).name("gone.bin").size(2_000).upload().await;
    let download = format!("/api/storage/download?assetId={}", asset.id);
    for query in ["", "&direct=0", "&direct=true"] {
        let (status, body) = stack.get(&stack.dev, &format!("{download}{query}")).await;
        let candidates = body["candidates"].as_array().unwrap();
        assert_eq!((status, candidates.len(), &candidates[0]["url"]), (200, 1, &body["url"]), "{query}: {body}");
    }
    let (status, body) = stack.get(&stack.dev, &format!("{download}&direct=1")).await;
    assert_eq!((status, &body["provider"], &body["cached"]), (200, &json!("edge"), &json!(false)));
    assert!(body["latencyMs"].is_number() && body["expiresAt"].is_string(), "{body}");
    let providers: Vec<_> = body["candidates"].as_array().unwrap().iter().map(|candidate| candidate["provider"].as_str().unwrap()).collect();
    assert_eq!(providers, ["edge", "origin"]);
    assert_eq!(body["url"], body["candidates"][0]["url"]);
    let direct = &body["candidates"][1];
    assert!(direct["url"].as_str().unwrap().contains("X-Amz-Expires=300&"), "five minutes: {direct}");
    let seconds = |field: &str, of: &Value| chrono::DateTime::parse_from_rfc3339(of[field].as_str().unwrap()).unwrap().timestamp();
    assert_eq!(seconds("expiresAt", &body) - seconds("expiresAt", direct), 3_300);
    for candidate in body["candidates"].as_array().unwrap() {
        let got = stack.http.get(candidate["url"].as_str().unwrap()).sent().await.unwrap();
        assert!(got.bytes().await.unwrap() == bytes, "{candidate}");
    }
    let path = format!("/api/storage/files/{}", asset.id);
    let deleted = stack.request(Method::DELETE, &path, &stack.dev).sent().await.unwrap();
    assert_eq!((deleted.status().as_u16(), deleted.bytes().await.unwrap().len()), (204, 0));
    assert_eq!(stack.request(Method::DELETE, &path, &stack.dev).answer().await.0, 404);
    assert_eq!(stack.get(&stack.dev, &path).await.0, 404);
    assert_eq!(stack.http.get(body["url"].as_str().unwrap()).sent().await.unwrap().status(), 404, "its URLs stop");
    stack.bucket.wait_until_deleted(&asset.s3_key).await;
}
