//! What is cached, for how long, and what removes it.

use std::time::Duration;

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Call, SLICE, Stack, done_or, eventually_every, fetch, header, random_bytes};

async fn set_cache_ttl(stack: &Stack, namespace: &str, seconds: u64) {
    let body = json!({ "cache_ttl": { "small": seconds, "text": seconds, "large": seconds } });
    let (status, body) = stack.operator(Method::PATCH, &format!("/api/portal/namespaces/{namespace}")).json(&body).answer().await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn large_file_is_cached_by_slice_and_small_file_whole() {
    let stack = &Stack::start(&[]).await;
    let large = stack.file(&stack.dev).name("large.bin").size(3 * SLICE + 7).store().await;
    let before = stack.store_reads(&large.key);
    // A range reads only the slices that it overlaps.
    let seek = |first: usize, last: usize| stack.http.get(&large.url).header("Range", format!("bytes={first}-{last}"));
    let (status, cache, body) = fetch(seek(SLICE - 10, SLICE + 9)).await;
    assert_eq!((status, cache.as_str()), (206, "JettySpeed; fwd=miss; stored"));
    assert!(body.unwrap() == large.bytes[SLICE - 10..SLICE + 10]);
    assert_eq!(stack.store_reads(&large.key) - before, 2);
    for (status, range) in [(200, None), (206, Some((5, 3 * SLICE + 6))), (200, None)] {
        let request = range.map_or(stack.http.get(&large.url), |(first, last)| seek(first, last));
        let response = request.sent().await.unwrap();
        let wanted = range.map_or(&large.bytes[..], |(first, last)| &large.bytes[first..=last]);
        assert_eq!((response.status().as_u16(), response.content_length()), (status, Some(wanted.len() as u64)), "never chunked");
        assert!(header(&response, "cache-status").starts_with("JettySpeed; hit; ttl="), "{response:?}");
        assert!(response.bytes().await.unwrap() == wanted);
    }
    assert_eq!(stack.store_reads(&large.key) - before, 4, "each slice once");

    let small = stack.file(&stack.dev).name("small.bin").size(3_000_000).store().await;
    let before = stack.store_reads(&small.key);
    // HEAD and 304 are answered without reading the object.
    let head = stack.http.head(&small.url).sent().await.unwrap();
    let unchanged = stack.http.get(&small.url).header("If-None-Match", header(&head, "etag")).sent().await.unwrap();
    for (response, status) in [(head, 200), (unchanged, 304)] {
        assert_eq!((response.status().as_u16(), header(&response, "cache-status").as_str()), (status, "JettySpeed; detail=record"));
    }
    assert_eq!(stack.store_reads(&small.key) - before, 0);
    let (_, cache, body) = fetch(stack.http.get(&small.url).header("Range", "bytes=1000000-1000009")).await;
    assert_eq!((cache.as_str(), body.unwrap().as_slice()), ("JettySpeed; fwd=miss; stored", &small.bytes[1_000_000..1_000_010]));
    let (status, cache, body) = fetch(stack.http.get(&small.url)).await;
    assert!(status == 200 && cache.starts_with("JettySpeed; hit; ttl=") && body.unwrap() == small.bytes, "{cache}");
    assert_eq!(stack.store_reads(&small.key) - before, 1);
    let head = stack.http.head(&small.url).sent().await.unwrap();
    assert!(header(&head, "cache-status").starts_with("JettySpeed; hit; ttl="), "{head:?}");
    let (status, body) = stack.get(&stack.dev, &format!("/api/storage/download?assetId={}", small.id)).await;
    assert_eq!((status, &body["cached"], &body["provider"]), (200, &json!(true), &json!("edge")));
}

#[tokio::test]
async fn expired_entry_is_served_stale_while_store_is_down_then_revalidated() {
    let stack = Stack::start(&[]).await;
    set_cache_ttl(&stack, &stack.dev.namespace, 1).await;
    for (name, size) in [("stale.bin", 400_000), ("stale-large.bin", 2 * SLICE + 500)] {
        let file = stack.file(&stack.dev).name(name).size(size).store().await;
        let (_, cache, _) = fetch(stack.http.get(&file.url)).await;
        assert_eq!(cache, "JettySpeed; fwd=miss; stored");
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        stack.proxy.inject(|_, _| Some(Fault::ResetBefore));
        for _ in 0..2 {
            let (status, cache, body) = fetch(stack.http.get(&file.url)).await;
            assert!(status == 200 && cache.starts_with("JettySpeed; fwd=stale; ttl=-"), "{status} {cache}");
            assert!(body.unwrap() == file.bytes);
        }
        stack.proxy.clear_faults();
        // Once the store is back, a read of one byte revalidates the entry.
        let before = stack.store_reads(&file.key);
        let last = eventually_every(Duration::from_millis(100), Duration::from_secs(20), async || {
            let cache = fetch(stack.http.get(&file.url).header("Range", "bytes=0-0")).await.1;
            if cache.starts_with("JettySpeed; hit") { Ok(cache) } else { Err(cache) }
        })
        .await;
        assert!(last.starts_with("JettySpeed; hit; ttl="), "{last}");
        assert!(stack.store_reads(&file.key) > before);
    }
}

#[tokio::test]
async fn purged_or_deleted_entry_is_a_miss_and_other_namespace_still_hits() {
    let stack = Stack::start(&[]).await;
    let shared = random_bytes(300_000);
    let mut files = Vec::new();
    for account in [&stack.dev, &stack.other] {
        let asset = stack.asset(account).bytes(shared.clone()).store().await;
        let url = stack.edge(account).download_url(asset["id"].as_str().unwrap()).await.unwrap();
        let (_, cache, body) = fetch(stack.http.get(&url)).await;
        assert!(cache == "JettySpeed; fwd=miss; stored" && body.unwrap() == shared, "each namespace reads for itself: {cache}");
        files.push((asset, url));
    }
    let cache_of = async |url: &str| fetch(stack.http.get(url)).await.1;
    assert!(cache_of(&files[0].1).await.contains("hit"));
    let purge = stack.operator(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace));
    let (status, body) = purge.answer().await;
    assert_eq!((status, &body), (200, &json!({ "namespace": stack.dev.namespace, "generation": 1 })));
    assert_eq!(cache_of(&files[0].1).await, "JettySpeed; fwd=miss; stored", "at once, here");
    assert!(cache_of(&files[1].1).await.contains("hit"), "nobody else's");
    let member = stack.request(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace), &stack.dev).sent().await.unwrap();
    assert_eq!(member.status(), 401);

    let id = files[0].0["id"].as_str().unwrap();
    assert_eq!(stack.request(Method::DELETE, &format!("/api/storage/files/{id}"), &stack.dev).sent().await.unwrap().status(), 204);
    assert_eq!(stack.http.get(&files[0].1).sent().await.unwrap().status(), 404, "at once, here");
    assert!(fetch(stack.http.get(&files[1].1)).await.2.unwrap() == shared);

    let suspend = json!({ "agentcache_user_id": stack.other.user_id });
    assert_eq!(stack.webhook("/api/agentcache/suspend", suspend.clone()).await.0, 200);
    assert_eq!(stack.http.get(&files[1].1).sent().await.unwrap().status(), 403, "at once, here");
    assert_eq!(stack.webhook("/api/agentcache/resume", suspend).await.0, 200);
    assert!(fetch(stack.http.get(&files[1].1)).await.2.unwrap() == shared);
}

#[tokio::test]
async fn small_file_missing_in_pop_cache_is_read_from_kv() {
    let stack = Stack::start(&[]).await;
    let file = stack.file(&stack.dev).name("kv.txt").size(90_000).store().await;
    assert_eq!(fetch(stack.http.get(&file.url)).await.1, "JettySpeed; fwd=miss; stored");
    // Stands for another PoP: the same KV with an empty cache.
    let elsewhere = async || {
        let mut worker = stack.worker.lock().await;
        worker.kill();
        std::fs::remove_dir_all(worker.setup().state.join("v3/cache")).unwrap();
        worker.restart().await.unwrap();
    };
    let figures_are = async |requests: u32, hits: u32, from_cache: u32, from_origin: u32| {
        let expected = json!({ "requests": requests, "hits": hits, "from_cache": from_cache, "from_origin": from_origin });
        eventually_every(Duration::from_millis(500), Duration::from_secs(20), async || {
            let query = "SELECT SUM(requests) AS requests, SUM(hits) AS hits, SUM(bytes_from_cache) AS from_cache, \
                         SUM(bytes_from_origin) AS from_origin FROM delivery_hourly";
            let sums = stack.sql(query).await;
            done_or(sums[0][0] == expected, format!("{sums:?}, not {expected}"))
        })
        .await;
    };
    // A killed isolate loses what it has not written.
    figures_are(1, 0, 0, 90_000).await;
    elsewhere().await;
    let download = stack.request(Method::GET, &format!("/api/storage/download?assetId={}", file.id), &stack.dev);
    let (_, body) = download.answer().await;
    assert_eq!((&body["cached"], &body["provider"]), (&json!(true), &json!("kv")));
    let before = stack.store_reads(&file.key);
    let (_, cache, body) = fetch(stack.http.get(&file.url)).await;
    assert!(cache == "JettySpeed; fwd=miss; stored; detail=KV" && body.unwrap() == file.bytes, "{cache}");
    assert_eq!(stack.store_reads(&file.key), before, "the store was not asked");
    // What comes from KV is a hit.
    figures_are(2, 1, 90_000, 90_000).await;
    assert_eq!(stack.request(Method::DELETE, &format!("/api/storage/files/{}", file.id), &stack.dev).sent().await.unwrap().status(), 204);
    let state = stack.worker.lock().await.setup().state.join("v3/kv");
    let left = walk(&state).into_iter().filter(|path| path.ends_with(".blob") || std::fs::metadata(path).is_ok_and(|meta| meta.len() == 90_000));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new(), "deleted there, too");
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.iter().flat_map(|path| if path.is_dir() { walk(path) } else { vec![path.to_string_lossy().into_owned()] }).collect()
}
