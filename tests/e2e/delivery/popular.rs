//! Popular files live longer and are refreshed before they expire; new files are read ahead where they did not come from.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, done_or, eventually_every, fetch, header};

/// Lifetime of entries, s: their last fifth is from the eighth second on.
const TTL: u64 = 10;

async fn set_cache_ttl(stack: &Stack) {
    let body = json!({ "cache_ttl": { "small": TTL, "text": TTL, "large": TTL } });
    let (status, body) = stack.operator(Method::PATCH, &format!("/api/portal/namespaces/{}", stack.dev.namespace)).json(&body).answer().await;
    assert_eq!(status, 200, "{body}");
}

/// `Cache-Status` of a GET.
async fn cache_of(stack: &Stack, url: &str) -> String {
    fetch(stack.http.get(url)).await.1
}

/// The remaining lifetime in a `Cache-Status`, s.
fn left(cache: &str) -> Option<u64> {
    cache.strip_prefix("JettySpeed; hit; ttl=")?.parse().ok()
}

/// Stands for another PoP: the same KV with an empty cache and a new isolate.
async fn elsewhere(stack: &Stack) {
    let mut worker = stack.worker.lock().await;
    worker.kill();
    std::fs::remove_dir_all(worker.setup().state.join("v3/cache")).unwrap();
    worker.restart().await.unwrap();
}

#[tokio::test]
async fn popular_entry_is_refreshed_before_it_expires_while_clients_are_answered_from_it() {
    let stack = Stack::start(&[]).await;
    set_cache_ttl(&stack).await;
    // Above what KV has.
    let popular = stack.file(&stack.dev).name("popular.bin").size(300_000).store().await;
    let other = stack.file(&stack.dev).name("other.bin").size(300_000).store().await;
    let before = [&popular, &other].map(|file| stack.store_reads(&file.key));
    for file in [&popular, &other] {
        assert_eq!(cache_of(&stack, &file.url).await, "JettySpeed; fwd=miss; stored");
    }
    let filled = Instant::now();
    for _ in 0..15 {
        let cache = cache_of(&stack, &popular.url).await;
        assert!(left(&cache).is_some_and(|left| left < TTL), "the first lifetime is the namespace's: {cache}");
    }
    assert_eq!([&popular, &other].map(|file| stack.store_reads(&file.key)), before.map(|before| before + 1), "no refresh before the last fifth");
    tokio::time::sleep_until((filled + Duration::from_millis(8_300)).into()).await;
    stack.proxy.inject(|method, _| (method == Method::GET).then_some(Fault::Slow(1_000)));
    let asked = Instant::now();
    for file in [&popular, &other] {
        let cache = cache_of(&stack, &file.url).await;
        assert!(left(&cache).is_some_and(|left| left < 2), "{cache}");
    }
    assert!(asked.elapsed() < Duration::from_millis(900), "nobody waited for the store: {:?}", asked.elapsed());
    eventually_every(Duration::from_millis(100), Duration::from_secs(10), async || {
        let cache = cache_of(&stack, &popular.url).await;
        done_or(left(&cache).is_some_and(|left| left > 2 * TTL && left <= 4 * TTL), cache)
    })
    .await;
    assert_eq!(stack.store_reads(&popular.key) - before[0], 2, "one refresh");
    stack.proxy.clear_faults();
    tokio::time::sleep_until((filled + Duration::from_millis(11_000)).into()).await;
    assert!(left(&cache_of(&stack, &popular.url).await).is_some_and(|left| left > TTL), "beyond the namespace's lifetime");
    let cache = cache_of(&stack, &other.url).await;
    assert!(cache.starts_with("JettySpeed; fwd=stale"), "a file with few hits has the namespace's: {cache}");

    // What clients keep has not changed.
    let answer = stack.http.get(&popular.url).sent().await.unwrap();
    assert!(header(&answer, "cache-control").starts_with("private, max-age=3"), "{answer:?}");
    let (status, _) = stack.operator(Method::POST, &format!("/api/portal/namespaces/{}/purge", stack.dev.namespace)).answer().await;
    assert_eq!(status, 200);
    assert_eq!(cache_of(&stack, &popular.url).await, "JettySpeed; fwd=miss; stored", "purged at once");
    assert!(left(&cache_of(&stack, &popular.url).await).is_some_and(|left| left > TTL), "and still popular");
    let deleted = stack.request(Method::DELETE, &format!("/api/storage/files/{}", popular.id), &stack.dev).sent().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(stack.http.get(&popular.url).sent().await.unwrap().status(), 404, "deleted at once");
}

/// Sets how many uploads a country had in this hour of the day and in the two behind it; the test may pass into the next one.
async fn set_uploads(stack: &Stack, country: &str, uploads: [u64; 3]) {
    let hour = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 3_600;
    for (hour, uploads) in (hour..).zip(uploads) {
        stack.sql(&format!("INSERT INTO upload_patterns VALUES ('{country}', 'fra', {}, {uploads}, 1, 1, 1)", hour % 24)).await;
    }
}

#[tokio::test]
async fn file_that_is_renewed_in_the_morning_of_its_country_lives_longer_than_in_the_evening() {
    let stack = &Stack::start(&[]).await;
    set_cache_ttl(stack).await;
    // Twice the hits to come, half of them, and as many as now for want of uploads: eight hits stand for 16, 4 and 8, which give 4, 2 and 3 TTLs.
    let countries = [("NO", [10, 100, 1_000], 4), ("JP", [1_000, 100, 10], 2), ("BR", [1, 10, 100], 3)];
    let get = async |url: &str, country: &str| {
        let cf = json!({ "country": country, "clientAcceptEncoding": "" });
        fetch(stack.http.get(url).header("MF-CF-Blob", cf.to_string())).await.1
    };
    let mut files = Vec::new();
    for (country, uploads, factor) in countries {
        set_uploads(stack, country, uploads).await;
        files.push((stack.file(&stack.dev).name(&format!("{country}.bin")).size(300_000).store().await, country, factor));
    }
    // When each was stored: on a busy machine three fills take longer than the fifth of the lifetime in which an entry is refreshed.
    let mut filled = Vec::new();
    for (file, country, _) in &files {
        assert_eq!(get(&file.url, country).await, "JettySpeed; fwd=miss; stored");
        filled.push(Instant::now());
        for _ in 0..6 {
            let cache = get(&file.url, country).await;
            assert!(left(&cache).is_some_and(|left| left < TTL), "{cache}");
        }
    }
    for ((file, country, _), filled) in files.iter().zip(filled) {
        tokio::time::sleep_until((filled + Duration::from_millis(8_300)).into()).await;
        // The eighth one begins the refresh.
        let cache = get(&file.url, country).await;
        assert!(left(&cache).is_some_and(|left| left < 2), "{country}: {cache}");
    }
    for (file, country, factor) in &files {
        eventually_every(Duration::from_millis(500), Duration::from_secs(10), async || {
            let cache = get(&file.url, country).await;
            done_or(left(&cache).is_some_and(|left| left > TTL), cache)
        })
        .await;
        let cache = get(&file.url, country).await;
        assert!(left(&cache).is_some_and(|left| left > (factor - 1) * TTL && left <= factor * TTL), "{country}: {cache}");
    }
}

#[tokio::test]
async fn no_file_is_popular_or_read_ahead_with_a_window_of_0() {
    let stack = Stack::start(&[("POPULARITY_WINDOW_SECONDS", "0")]).await;
    set_cache_ttl(&stack).await;
    let file = stack.file(&stack.dev).name("off.bin").size(300_000).store().await;
    let before = stack.store_reads(&file.key);
    elsewhere(&stack).await;
    let _: (u16, Value) = stack.get(&stack.dev, &format!("/api/storage/download?assetId={}", file.id)).await;
    assert_eq!(cache_of(&stack, &file.url).await, "JettySpeed; fwd=miss; stored");
    let filled = Instant::now();
    for _ in 0..15 {
        assert!(left(&cache_of(&stack, &file.url).await).is_some());
    }
    tokio::time::sleep_until((filled + Duration::from_millis(9_000)).into()).await;
    assert!(left(&cache_of(&stack, &file.url).await).is_some_and(|left| left < 2));
    tokio::time::sleep_until((filled + Duration::from_millis(10_500)).into()).await;
    let cache = cache_of(&stack, &file.url).await;
    assert!(cache.starts_with("JettySpeed; fwd=stale"), "{cache}");
    // The miss, and at the most the look behind the stale answer.
    assert!(stack.store_reads(&file.key) - before <= 2);
}

#[tokio::test]
async fn new_file_is_read_ahead_and_put_into_kv_where_it_did_not_come_from() {
    let stack = Stack::start(&[]).await;
    let (here, there) = (
        stack.file(&stack.dev).name("here.bin").size(2_000_000).store().await,
        stack.file(&stack.dev).name("there.bin").size(2_000_000).store().await,
    );
    let download = async |id: &str| {
        let (status, body) = stack.get(&stack.dev, &format!("/api/storage/download?assetId={id}")).await;
        assert_eq!((status, &body["provider"]), (200, &json!("edge")), "{body}");
        body["cached"].as_bool().unwrap()
    };
    assert!(!download(&here.id).await);
    assert_eq!(cache_of(&stack, &here.url).await, "JettySpeed; fwd=miss; stored", "where it came from nothing is read ahead");
    elsewhere(&stack).await;
    let before = stack.store_reads(&there.key);
    assert!(!download(&there.id).await);
    eventually_every(Duration::from_millis(100), Duration::from_secs(20), async || done_or(download(&there.id).await, "not cached yet")).await;
    let (status, cache, body) = fetch(stack.http.get(&there.url)).await;
    assert!(status == 200 && left(&cache).is_some() && body.unwrap() == there.bytes, "the first GET is a hit: {cache}");
    assert_eq!(stack.store_reads(&there.key) - before, 1);
    // KV is written behind the answer.
    let kv = stack.worker.lock().await.setup().state.join("v3/kv");
    eventually_every(Duration::from_millis(100), Duration::from_secs(20), async || done_or(holds(&kv, 2_000_000), "not in KV yet")).await;
    elsewhere(&stack).await;
    let (_, cache, body) = fetch(stack.http.get(&there.url)).await;
    assert!(cache == "JettySpeed; fwd=miss; stored; detail=KV" && body.unwrap() == there.bytes, "{cache}");
    assert_eq!(stack.store_reads(&there.key) - before, 1, "a third PoP does not ask the store");
    assert_eq!(cache_of(&stack, &here.url).await, "JettySpeed; fwd=miss; stored", "the other one was read only where it came from");
    for file in [&here, &there] {
        let deleted = stack.request(Method::DELETE, &format!("/api/storage/files/{}", file.id), &stack.dev).sent().await.unwrap();
        assert_eq!(deleted.status(), 204);
    }
    eventually_every(Duration::from_millis(100), Duration::from_secs(20), async || done_or(!holds(&kv, 2_000_000), "still in KV")).await;
}

/// Whether a file of that size lies somewhere in `folder`.
fn holds(folder: &std::path::Path, size: u64) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() { holds(&path, size) } else { std::fs::metadata(&path).is_ok_and(|meta| meta.len() == size) }
    })
}
