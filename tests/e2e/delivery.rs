//! Content out of the PoP's cache: the right bytes whatever range is asked for, however many ask, and whatever the store does meanwhile.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use jettyspeed_client::{UploadOptions, no_progress, upload};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::stack::{Stack, answer, random_bytes, random_file, stack};

pub const SLICE: usize = 5 * 1024 * 1024;

/// A file of the account: its key at the store, its URL with a token, its id, its bytes.
pub struct Stored {
    pub key: String,
    pub url: String,
    pub id: String,
    pub bytes: Vec<u8>,
}

pub async fn stored(stack: &Stack, account: &AccountAccess, name: &str, size: usize) -> Stored {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), name, size);
    let edge = stack.edge(account);
    let asset = upload(&edge, &path, &UploadOptions::default(), no_progress()).await.unwrap().asset;
    // Looking at the bytes reads them, too.
    stack.verified(account, &asset.id).await;
    let url = edge.download_url(&asset.id).await.unwrap();
    Stored { key: asset.s3_key, url, id: asset.id, bytes }
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// How often the object was read from the store: its bytes, in whole or in part.
pub fn reads(stack: &Stack, key: &str) -> usize {
    stack.proxy.seen(key).iter().filter(|seen| seen.method == "GET").count()
}

/// What an answer says of its cache, and its body if it came whole.
pub async fn got(request: RequestBuilder) -> (u16, String, Option<Vec<u8>>) {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return (0, error.to_string(), None),
    };
    let (status, cache) = (response.status().as_u16(), header(&response, "cache-status"));
    (status, cache, response.bytes().await.ok().map(|bytes| bytes.to_vec()))
}

async fn ttl(stack: &Stack, namespace: &str, seconds: u64) {
    let body = json!({ "cache_ttl": { "small": seconds, "text": seconds, "large": seconds } });
    let (status, body) =
        answer(stack.operator(Method::PATCH, &format!("/api/portal/namespaces/{namespace}")).json(&body).send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn large_files_are_cached_in_slices_and_small_ones_whole() {
    let stack = &Stack::start(&[]).await;
    let large = stored(stack, &stack.dev, "large.bin", 3 * SLICE + 7).await;
    let before = reads(stack, &large.key);
    // A seek reads the slices that it touches, and no others.
    let seek = |first: usize, last: usize| stack.http.get(&large.url).header("Range", format!("bytes={first}-{last}"));
    let (status, cache, body) = got(seek(SLICE - 10, SLICE + 9)).await;
    assert_eq!((status, cache.as_str()), (206, "JettySpeed; fwd=miss; stored"));
    assert!(body.unwrap() == large.bytes[SLICE - 10..SLICE + 10]);
    assert_eq!(reads(stack, &large.key) - before, 2);
    for (status, range) in [(200, None), (206, Some((5, 3 * SLICE + 6))), (200, None)] {
        let request = range.map_or(stack.http.get(&large.url), |(first, last)| seek(first, last));
        let response = request.send().await.unwrap();
        let wanted = range.map_or(&large.bytes[..], |(first, last)| &large.bytes[first..=last]);
        assert_eq!((response.status().as_u16(), response.content_length()), (status, Some(wanted.len() as u64)), "never chunked");
        assert!(header(&response, "cache-status").starts_with("JettySpeed; hit; ttl="), "{response:?}");
        assert!(response.bytes().await.unwrap() == wanted);
    }
    assert_eq!(reads(stack, &large.key) - before, 4, "each slice once");

    let small = stored(stack, &stack.dev, "small.bin", 3_000_000).await;
    let before = reads(stack, &small.key);
    // What needs no bytes is answered without them.
    let head = stack.http.head(&small.url).send().await.unwrap();
    let unchanged = stack.http.get(&small.url).header("If-None-Match", header(&head, "etag")).send().await.unwrap();
    for (response, status) in [(head, 200), (unchanged, 304)] {
        assert_eq!((response.status().as_u16(), header(&response, "cache-status").as_str()), (status, "JettySpeed; detail=record"));
    }
    assert_eq!(reads(stack, &small.key) - before, 0);
    let (_, cache, body) = got(stack.http.get(&small.url).header("Range", "bytes=1000000-1000009")).await;
    assert_eq!((cache.as_str(), body.unwrap().as_slice()), ("JettySpeed; fwd=miss; stored", &small.bytes[1_000_000..1_000_010]));
    let (status, cache, body) = got(stack.http.get(&small.url)).await;
    assert!(status == 200 && cache.starts_with("JettySpeed; hit; ttl=") && body.unwrap() == small.bytes, "{cache}");
    assert_eq!(reads(stack, &small.key) - before, 1);
    let head = stack.http.head(&small.url).send().await.unwrap();
    assert!(header(&head, "cache-status").starts_with("JettySpeed; hit; ttl="), "{head:?}");
    let (status, body) =
        answer(stack.request(Method::GET, &format!("/api/storage/download?assetId={}", small.id), &stack.dev).send().await.unwrap()).await;
    assert_eq!((status, &body["cached"], &body["provider"]), (200, &json!(true), &json!("edge")));
}

#[tokio::test]
async fn any_range_of_any_size_is_right() {
    let stack = stack().await;
    let sizes = [1, SLICE - 1, SLICE, SLICE + 1, 9_999_999, 10_000_000, 2 * SLICE + 1, 3 * SLICE + 7, 64 * 1024 * 1024];
    let files = join_all(sizes.iter().map(|size| stored(stack, &stack.dev, "fuzz.bin", *size))).await;
    let mut seed: u64 = u64::from_le_bytes(random_bytes(8).try_into().unwrap()) | 1;
    println!("seed {seed}");
    let mut draw = |below: usize| {
        // xorshift64
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
    };
    let cases: Vec<(usize, usize, usize)> = (0..5_400)
        .map(|case| {
            let file = case % files.len();
            let size = files[file].bytes.len();
            // Every second one begins within a few bytes of a slice's edge; one in fifty is long.
            let first = if draw(2) == 0 { draw(size) } else { (draw(size / SLICE + 1) * SLICE + draw(9)).saturating_sub(4).min(size - 1) };
            let most = if draw(50) == 0 { 12_000_000 } else { 20_000 };
            (file, first, (first + draw(most)).min(size - 1))
        })
        .collect();
    let ask = |(file, first, last): (usize, usize, usize)| {
        let files = &files;
        async move {
            let Stored { url, bytes, .. } = &files[file];
            let suffix = last + 1 == bytes.len() && first.is_multiple_of(2);
            let range = if suffix { format!("bytes=-{}", last + 1 - first) } else { format!("bytes={first}-{last}") };
            let response = stack.http.get(url).header("Range", &range).send().await.unwrap();
            assert_eq!(response.status(), 206, "{range} of {}", bytes.len());
            assert_eq!(header(&response, "content-range"), format!("bytes {first}-{last}/{}", bytes.len()));
            assert_eq!(header(&response, "content-length"), (last - first + 1).to_string());
            assert!(response.bytes().await.unwrap() == bytes[first..=last], "{range} of {}", bytes.len());
        }
    };
    stream::iter(cases).map(ask).buffer_unordered(16).collect::<Vec<()>>().await;
    for file in &files {
        assert!(got(stack.http.get(&file.url)).await.2.unwrap() == file.bytes, "and the whole of {}", file.bytes.len());
        let most = if file.bytes.len() < 10_000_000 { 1 } else { file.bytes.len().div_ceil(SLICE) };
        // Where the isolate had no room for a slice, it was passed through.
        println!("{} bytes: {} reads of the store, {most} slices", file.bytes.len(), reads(stack, &file.key));
    }
}

#[tokio::test]
async fn nothing_is_a_file_too() {
    let stack = stack().await;
    let asset = stack.stored(&stack.dev, Vec::new()).await;
    let url = stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    let response = stack.http.get(&url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-length").as_str()), (200, "0"));
    assert_eq!(stack.http.get(&url).header("Range", "bytes=0-").send().await.unwrap().status(), 416);
}

#[tokio::test]
async fn conditions_and_several_ranges() {
    let stack = stack().await;
    let Stored { url, bytes, .. } = stored(stack, &stack.dev, "notes.txt", 2 * SLICE + 100).await;
    let whole = stack.http.head(&url).send().await.unwrap();
    let (etag, modified) = (header(&whole, "etag"), header(&whole, "last-modified"));
    let status = async |name: &str, value: &str| stack.http.get(&url).header(name, value).header("Range", "bytes=0-0").send().await.unwrap();
    for (name, value, expected) in [
        ("If-None-Match", etag.as_str(), 304),
        ("If-None-Match", "\"x\", *", 206),
        ("If-None-Match", "*", 304),
        ("If-Modified-Since", modified.as_str(), 304),
        ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 206),
        ("If-Match", etag.as_str(), 206),
        ("If-Match", "\"x\"", 412),
        ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 412),
        ("If-Range", etag.as_str(), 206),
        ("If-Range", "\"x\"", 200),
        ("If-Range", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
    ] {
        let response = status(name, value).await;
        assert_eq!(response.status().as_u16(), expected, "{name}: {value}");
        assert_eq!(header(&response, "access-control-allow-origin"), "*");
        if expected != 412 {
            assert_eq!(header(&response, "etag"), etag, "{name}: {value}");
        }
    }
    let response = stack.http.get(&url).header("Range", format!("bytes=-5,0-9,{}-{}", SLICE - 3, SLICE + 2)).send().await.unwrap();
    assert_eq!(response.status(), 206);
    let kind = header(&response, "content-type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap().to_owned();
    let announced = response.content_length().unwrap();
    let body = response.bytes().await.unwrap();
    assert_eq!(body.len() as u64, announced);
    let mut expected = Vec::new();
    for (first, last) in [(bytes.len() - 5, bytes.len() - 1), (0, 9), (SLICE - 3, SLICE + 2)] {
        let head = format!("\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {first}-{last}/{}\r\n\r\n", bytes.len());
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&bytes[first..=last]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(body == expected, "{}", String::from_utf8_lossy(&body));
}

#[tokio::test]
async fn five_hundred_at_once_cause_two_reads_at_most() {
    let stack = Stack::start(&[]).await;
    for (name, size, range) in [("crowd.bin", 2_000_000, None), ("large-crowd.bin", 3 * SLICE, Some((SLICE + 5, SLICE + 60_004)))] {
        let file = stored(&stack, &stack.dev, name, size).await;
        // The store takes its time, so that all of them come while the first one reads.
        stack.proxy.inject(|method, _| (method == Method::GET).then_some(Fault::Slow(1_500)));
        let before = reads(&stack, &file.key);
        let ask = |_| {
            let request = stack.http.get(&file.url);
            got(range.map_or(request.try_clone().unwrap(), |(first, last)| request.header("Range", format!("bytes={first}-{last}"))))
        };
        let answers = join_all((0..500).map(ask)).await;
        stack.proxy.heal();
        let wanted = range.map_or(&file.bytes[..], |(first, last)| &file.bytes[first..=last]);
        let mut collapsed = 0;
        for (status, cache, body) in answers {
            assert!(matches!(status, 200 | 206) && body.is_some_and(|body| body == wanted), "{status} {cache}");
            collapsed += usize::from(cache == "JettySpeed; fwd=miss; collapsed");
        }
        let reads = reads(&stack, &file.key) - before;
        println!("{name}: {reads} reads of the store, {collapsed} of 500 waited for one");
        assert!(reads <= 2 && collapsed > 0, "{reads} reads, {collapsed} collapsed");
    }
}

#[tokio::test]
async fn stale_bytes_are_served_while_they_are_looked_after_and_when_the_store_is_down() {
    let stack = Stack::start(&[]).await;
    ttl(&stack, &stack.dev.namespace, 1).await;
    for (name, size) in [("stale.bin", 400_000), ("stale-large.bin", 2 * SLICE + 500)] {
        let file = stored(&stack, &stack.dev, name, size).await;
        let (_, cache, _) = got(stack.http.get(&file.url)).await;
        assert_eq!(cache, "JettySpeed; fwd=miss; stored");
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        stack.proxy.inject(|_, _| Some(Fault::ResetBefore));
        for _ in 0..2 {
            let (status, cache, body) = got(stack.http.get(&file.url)).await;
            assert!(status == 200 && cache.starts_with("JettySpeed; fwd=stale; ttl=-"), "{status} {cache}");
            assert!(body.unwrap() == file.bytes);
        }
        stack.proxy.heal();
        // Once the store is back, one byte of it tells that what is here is still right.
        let before = reads(&stack, &file.key);
        let mut last = String::new();
        for _ in 0..100 {
            last = got(stack.http.get(&file.url).header("Range", "bytes=0-0")).await.1;
            if last.starts_with("JettySpeed; hit") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(last.starts_with("JettySpeed; hit; ttl="), "{last}");
        assert!(reads(&stack, &file.key) > before);
    }
}

#[tokio::test]
async fn no_broken_answer_of_the_store_is_ever_kept_or_passed_off_as_whole() {
    let stack = Stack::start(&[]).await;
    let faults = [
        Fault::CutBody,
        Fault::CutAnswer,
        Fault::ShortBody,
        Fault::OtherRange,
        Fault::OtherVersion,
        Fault::ResetBefore,
        Fault::LoseAnswer,
        Fault::Answer(500, "InternalError"),
        Fault::Answer(503, "SlowDown"),
        Fault::ErrorInside,
    ];
    let (small, large) = (stored(&stack, &stack.dev, "a.bin", 700_000).await, stored(&stack, &stack.dev, "b.bin", 3 * SLICE + 9).await);
    for (number, fault) in faults.into_iter().enumerate() {
        let purge = stack.operator(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace)).send().await.unwrap();
        assert_eq!(purge.status(), 200);
        // The slice that breaks is the first one, or one in the middle.
        for broken in [0, 1] {
            let mut nth = 0;
            stack.proxy.inject(move |method, target| {
                let content = method == Method::GET && target.contains("/o/");
                nth += usize::from(content);
                (content && nth > broken).then_some(fault)
            });
            for file in [&small, &large] {
                let (status, _, body) = got(stack.http.get(&file.url)).await;
                let whole = body.as_ref() == Some(&file.bytes);
                assert!(whole || status >= 500 || body.is_none(), "{fault:?} {broken}: {status} with {:?} bytes", body.map(|body| body.len()));
            }
            stack.proxy.heal();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        for file in [&small, &large] {
            let (status, cache, body) = got(stack.http.get(&file.url)).await;
            assert!(status == 200 && body.is_some_and(|body| body == file.bytes), "after {fault:?} ({number}): {status} {cache}");
        }
    }
}

#[tokio::test]
async fn a_killed_workerd_leaves_no_half_slice() {
    let stack = Stack::start(&[]).await;
    let file = stored(&stack, &stack.dev, "killed.bin", 4 * SLICE + 1).await;
    for round in 0..4_u64 {
        let reading = {
            let request = stack.http.get(&file.url);
            tokio::spawn(async move { got(request).await })
        };
        stack.proxy.inject(|method, _| (method == Method::GET).then_some(Fault::Slow(40)));
        tokio::time::sleep(Duration::from_millis(60 + 70 * round)).await;
        stack.worker.lock().await.kill_and_restart().await.unwrap();
        let (status, _, body) = reading.await.unwrap();
        assert!(body.is_none() || status == 0 || body.is_some_and(|body| body == file.bytes), "killed in the middle, {status} is not the end");
        stack.proxy.heal();
        assert!(got(stack.http.get(&file.url)).await.2.unwrap() == file.bytes, "round {round}");
        let purge = stack.operator(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace)).send().await.unwrap();
        assert_eq!(purge.status(), 200);
    }
}

#[tokio::test]
async fn two_versions_are_never_mixed() {
    let stack = Stack::start(&[]).await;
    let file = stored(&stack, &stack.dev, "version.bin", 8 * SLICE).await;
    let mut response = stack.http.get(&file.url).send().await.unwrap();
    let mut begun = response.chunk().await.unwrap().unwrap().to_vec();
    stack.bucket.put(&file.key, &vec![7; 8 * SLICE]).await;
    let ended = loop {
        match response.chunk().await {
            Ok(Some(bytes)) => begun.extend_from_slice(&bytes),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    assert!(begun == file.bytes[..begun.len()], "not one byte of the other version");
    assert_eq!(ended, begun.len() == file.bytes.len(), "what is not whole does not end as if it were");
    let (status, _, body) = got(stack.http.get(&file.url)).await;
    assert!(body.is_none() || status >= 500 || body.is_some_and(|body| body == file.bytes), "nor later: {status}");
}

#[tokio::test]
async fn what_is_purged_or_deleted_is_gone_and_namespaces_share_nothing() {
    let stack = Stack::start(&[]).await;
    let shared = random_bytes(300_000);
    let mut files = Vec::new();
    for account in [&stack.dev, &stack.other] {
        let asset = stack.stored(account, shared.clone()).await;
        let url = stack.edge(account).download_url(asset["id"].as_str().unwrap()).await.unwrap();
        let (_, cache, body) = got(stack.http.get(&url)).await;
        assert!(cache == "JettySpeed; fwd=miss; stored" && body.unwrap() == shared, "each namespace reads for itself: {cache}");
        files.push((asset, url));
    }
    let cache_of = async |url: &str| got(stack.http.get(url)).await.1;
    assert!(cache_of(&files[0].1).await.contains("hit"));
    let purge = stack.operator(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace));
    let (status, body) = answer(purge.send().await.unwrap()).await;
    assert_eq!((status, &body), (200, &json!({ "namespace": stack.dev.namespace, "generation": 1 })));
    assert_eq!(cache_of(&files[0].1).await, "JettySpeed; fwd=miss; stored", "at once, here");
    assert!(cache_of(&files[1].1).await.contains("hit"), "nobody else's");
    let member = stack.request(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace), &stack.dev).send().await.unwrap();
    assert_eq!(member.status(), 401);

    let id = files[0].0["id"].as_str().unwrap();
    assert_eq!(stack.request(Method::DELETE, &format!("/api/storage/files/{id}"), &stack.dev).send().await.unwrap().status(), 204);
    assert_eq!(stack.http.get(&files[0].1).send().await.unwrap().status(), 404, "at once, here");
    assert!(got(stack.http.get(&files[1].1)).await.2.unwrap() == shared);

    let suspend = json!({ "agentcache_user_id": stack.other.user_id });
    assert_eq!(stack.tell("/api/agentcache/suspend", suspend.clone()).await.0, 200);
    assert_eq!(stack.http.get(&files[1].1).send().await.unwrap().status(), 403, "at once, here");
    assert_eq!(stack.tell("/api/agentcache/resume", suspend).await.0, 200);
    assert!(got(stack.http.get(&files[1].1)).await.2.unwrap() == shared);
}

#[tokio::test]
async fn a_pop_that_has_not_got_a_small_file_finds_it_in_kv() {
    let stack = Stack::start(&[]).await;
    let file = stored(&stack, &stack.dev, "kv.txt", 90_000).await;
    assert_eq!(got(stack.http.get(&file.url)).await.1, "JettySpeed; fwd=miss; stored");
    // Another PoP, as far as one workerd can be: the same KV, an empty cache.
    let elsewhere = async || {
        let mut worker = stack.worker.lock().await;
        worker.kill();
        std::fs::remove_dir_all(worker.setup().state.join("v3/cache")).unwrap();
        worker.restart().await.unwrap();
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    elsewhere().await;
    let download = stack.request(Method::GET, &format!("/api/storage/download?assetId={}", file.id), &stack.dev);
    let (_, body) = answer(download.send().await.unwrap()).await;
    assert_eq!((&body["cached"], &body["provider"]), (&json!(true), &json!("kv")));
    let before = reads(&stack, &file.key);
    let (_, cache, body) = got(stack.http.get(&file.url)).await;
    assert!(cache == "JettySpeed; fwd=miss; stored; detail=KV" && body.unwrap() == file.bytes, "{cache}");
    assert_eq!(reads(&stack, &file.key), before, "the store was not asked");
    assert_eq!(stack.request(Method::DELETE, &format!("/api/storage/files/{}", file.id), &stack.dev).send().await.unwrap().status(), 204);
    let state = stack.worker.lock().await.setup().state.join("v3/kv");
    let left = walk(&state).into_iter().filter(|path| path.ends_with(".blob") || std::fs::metadata(path).is_ok_and(|meta| meta.len() == 90_000));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new(), "deleted there, too");
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.iter().flat_map(|path| if path.is_dir() { walk(path) } else { vec![path.to_string_lossy().into_owned()] }).collect()
}

#[tokio::test]
async fn every_byte_of_an_answer_is_counted_once_hit_or_miss() {
    let stack = Stack::start(&[]).await;
    let account = stack.provisioned("metered", "enterprise").await;
    let file = stored(&stack, &account, "metered.bin", 2 * SLICE).await;
    let used = async || {
        let (status, body) = answer(stack.request(Method::GET, "/api/agentcache/quota", &account).send().await.unwrap()).await;
        assert_eq!(status, 200);
        body["bandwidth_used_bytes"].as_u64().unwrap()
    };
    // The URL above came with one of the store's own, which is billed in full.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (before, mut sent) = (used().await, 0);
    let ranges = ["bytes=0-0", "bytes=5-1000004", "bytes=0-1,10-19", "bytes=-7"];
    for request in ranges.map(|range| stack.http.get(&file.url).header("Range", range)).into_iter().chain((0..3).map(|_| stack.http.get(&file.url))) {
        sent += u64::try_from(got(request).await.2.unwrap().len()).unwrap();
    }
    assert_eq!(stack.http.head(&file.url).send().await.unwrap().status(), 200);
    assert_eq!(stack.http.get(&file.url).header("If-None-Match", "*").send().await.unwrap().status(), 304);
    assert_eq!(stack.http.get(&file.url).header("Range", "bytes=99999999-").send().await.unwrap().status(), 416);
    // Somebody who hangs up has begun: the answer was counted when it started.
    let mut left = stack.http.get(&file.url).send().await.unwrap();
    assert!(left.chunk().await.unwrap().is_some());
    drop(left);
    sent += u64::try_from(file.bytes.len()).unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(used().await - before, sent);
}

#[tokio::test]
async fn a_key_rotates_without_breaking_urls_that_are_out() {
    let stack = Stack::start(&[]).await;
    let asset = stack.stored(&stack.dev, random_bytes(1_000)).await;
    let url = async || stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    let before = url().await;
    let vars = stack.worker.lock().await.setup().state.join("dev.vars");
    let restarted_with = async |keys: &str| {
        let text = std::fs::read_to_string(&vars).unwrap();
        let lines: String =
            text.lines().map(|line| if line.starts_with("TOKEN_KEYS=") { format!("TOKEN_KEYS='{keys}'\n") } else { format!("{line}\n") }).collect();
        std::fs::write(&vars, lines).unwrap();
        stack.worker.lock().await.kill_and_restart().await.unwrap();
    };
    let new = "a-new-key-in-front-of-the-old-one-0123456789";
    restarted_with(&format!("{new},{}", stack.secrets.token_keys)).await;
    let after = url().await;
    for url in [&before, &after] {
        assert_eq!(got(stack.http.get(url)).await.0, 200, "both keys verify");
    }
    restarted_with(new).await;
    assert_eq!((got(stack.http.get(&before)).await.0, got(stack.http.get(&after)).await.0), (401, 200), "the new one signed");
}

/// INCIDENT SCENARIO: who began to read and hung up left everybody else waiting until the lease ended.
#[tokio::test]
async fn a_client_that_hangs_up_holds_up_nobody() {
    let stack = Stack::start(&[]).await;
    let file = stored(&stack, &stack.dev, "left.bin", 300_000).await;
    stack.proxy.inject(|method, target| (method == Method::GET && target.contains("/o/")).then_some(Fault::Slow(1_500)));
    for _ in 0..3 {
        let left = tokio::time::timeout(Duration::from_millis(300), stack.http.get(&file.url).send()).await;
        assert!(left.is_err(), "gone before it began");
    }
    let began = std::time::Instant::now();
    let (status, _, body) = got(stack.http.get(&file.url)).await;
    assert!(status == 200 && body.unwrap() == file.bytes);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_store_that_is_down_is_asked_by_few_and_everybody_hears_of_it() {
    let stack = Stack::start(&[]).await;
    let file = stored(&stack, &stack.dev, "down.bin", 300_000).await;
    stack.proxy.inject(|method, target| (method == Method::GET && target.contains("/o/")).then_some(Fault::Answer(503, "SlowDown")));
    let before = reads(&stack, &file.key);
    let began = std::time::Instant::now();
    let answers = join_all((0..100).map(|_| got(stack.http.get(&file.url)))).await;
    assert!(answers.iter().all(|(status, _, _)| *status == 503), "{answers:?}");
    let asked = reads(&stack, &file.key) - before;
    println!("{asked} reads of a store that is down, for 100 who asked, in {:?}", began.elapsed());
    assert!(asked <= 20 && began.elapsed() < Duration::from_secs(10), "{asked} reads in {:?}", began.elapsed());
    stack.proxy.heal();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(got(stack.http.get(&file.url)).await.0, 200);
}
