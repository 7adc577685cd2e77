//! Bandwidth: what counts, and what happens when it is used up.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::harness::{
    Call, SLICE, Stack, answer, done_or, eventually, eventually_every, fetch, random_bytes, retry_after, stack, stack_with_changed_tiers,
};

#[tokio::test]
async fn every_response_byte_is_counted_once_on_hit_and_miss() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("metered").tier("enterprise").create().await;
    let file = stack.file(&account).name("metered.bin").size(2 * SLICE).store().await;
    let used = async || {
        let (status, body) = stack.get(&account, "/api/agentcache/quota").await;
        assert_eq!(status, 200);
        body["bandwidth_used_bytes"].as_u64().unwrap()
    };
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (before, mut sent) = (used().await, 0);
    let ranges = ["bytes=0-0", "bytes=5-1000004", "bytes=0-1,10-19", "bytes=-7"];
    for request in ranges.map(|range| stack.http.get(&file.url).header("Range", range)).into_iter().chain((0..3).map(|_| stack.http.get(&file.url))) {
        sent += u64::try_from(fetch(request).await.2.unwrap().len()).unwrap();
    }
    assert_eq!(stack.http.head(&file.url).sent().await.unwrap().status(), 200);
    assert_eq!(stack.http.get(&file.url).header("If-None-Match", "*").sent().await.unwrap().status(), 304);
    assert_eq!(stack.http.get(&file.url).header("Range", "bytes=99999999-").sent().await.unwrap().status(), 416);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(used().await - before, sent);
}

/// Reads at least `bytes` bytes of the body, then closes the connection: the bytes read. The kernel keeps little for this client: with a window as large as
/// the kernel likes (tens of MB on loopback), far more would have left than was read.
async fn read_then_close(url: &str, bytes: u64) -> u64 {
    let url = Url::parse(url).unwrap();
    let address = url.socket_addrs(|| None).unwrap().remove(0);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(128 << 10).unwrap();
    let mut connection = socket.connect(address).await.unwrap();
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", url.authority());
    connection.write_all(request.as_bytes()).await.unwrap();
    let (mut head, mut buffer, mut read) = (Vec::new(), vec![0; 64 << 10], 0);
    let head_end = |head: &[u8]| head.windows(4).position(|window| window == b"\r\n\r\n");
    while head_end(&head).is_none() || read < bytes {
        let count = connection.read(&mut buffer).await.unwrap();
        assert!(count > 0, "closed after {read} bytes: {}", String::from_utf8_lossy(&head));
        if head_end(&head).is_some() {
            read += u64::try_from(count).unwrap();
            continue;
        }
        head.extend_from_slice(&buffer[..count]);
        if let Some(end) = head_end(&head) {
            assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head[..end]));
            read = u64::try_from(head.len() - end - 4).unwrap();
        }
    }
    read
}

#[tokio::test]
async fn client_that_hangs_up_is_billed_for_what_left_within_two_slices() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("hangup").tier("enterprise").create().await;
    let file = stack.file(&account).name("sixty.bin").size(60_000_000).store().await;
    // Once it has not changed for two seconds: the Worker finds out that a client has hung up when it goes on writing.
    let used = async || {
        let (mut last, mut same) = (None, 0);
        while same < 4 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = stack.get(&account, "/api/agentcache/quota").await.1["bandwidth_used_bytes"].as_u64().unwrap();
            same = if last.replace(now) == Some(now) { same + 1 } else { 0 };
        }
        last.unwrap()
    };
    let hang_up = async |bytes: u64| read_then_close(&file.url, bytes).await;
    let slices = |count: u64| count * u64::try_from(SLICE).unwrap();
    let mut before = used().await;
    let mut is_billed = async |what: &str, read: u64, hang_ups: u64| {
        let now = used().await;
        let billed = now - before;
        before = now;
        println!("{what}: {read} bytes read, {billed} billed");
        assert!(billed.abs_diff(read) <= hang_ups * slices(2), "{what}: {read} bytes read, {billed} billed");
    };
    is_billed("cold, closed after the head", hang_up(0).await, 1).await;
    is_billed("cold, closed in the middle", hang_up(30_000_000).await, 1).await;
    assert_eq!(fetch(stack.http.get(&file.url)).await.2.unwrap().len(), 60_000_000);
    is_billed("read to the end", 60_000_000, 0).await;
    is_billed("cached, closed in the middle", hang_up(25_000_000).await, 1).await;
    // From the entry that joins the slices.
    assert_eq!(fetch(stack.http.get(&file.url)).await.2.unwrap().len(), 60_000_000);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(fetch(stack.http.get(&file.url)).await.2.unwrap().len(), 60_000_000);
    is_billed("read to the end twice", 120_000_000, 0).await;
    is_billed("joined, closed in the middle", hang_up(45_000_000).await, 1).await;
    let mut read = 0;
    for _ in 0..25 {
        read += hang_up(0).await;
    }
    is_billed("25 times closed after the head", read, 25).await;
}

/// Content of a class that is not cached is passed on as one stream.
#[tokio::test]
async fn uncached_file_whose_client_hangs_up_costs_what_was_read_of_the_store() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("uncached").tier("enterprise").create().await;
    let path = format!("/api/portal/namespaces/{}", account.namespace);
    let (status, body) = stack.operator(Method::PATCH, &path).json(&json!({ "cache_ttl": { "large": 0 } })).answer().await;
    assert_eq!(status, 200, "{body}");
    let file = stack.file(&account).name("sixty.bin").size(60_000_000).store().await;
    for _ in 0..5 {
        drop(stack.http.get(&file.url).sent().await.unwrap());
    }
    assert_eq!(fetch(stack.http.get(&file.url)).await.2.unwrap().len(), 60_000_000);
    let slice = u64::try_from(SLICE).unwrap();
    let within = |bytes: u64| bytes >= 60_000_000 && bytes <= 60_000_000 + 5 * 2 * slice;
    let sql = "SELECT u.origin_bytes, (SELECT SUM(bytes_from_origin) FROM delivery_hourly h WHERE h.namespace = n.namespace) AS delivered \
               FROM storage_usage u JOIN namespace_members n ON n.account_id = u.account_id JOIN accounts a ON a.id = u.account_id \
               WHERE a.agentcache_user_id = 'uncached'";
    eventually(Duration::from_secs(60), async || {
        let rows = stack.sql(sql).await.remove(0);
        let figure = |name: &str| rows.first().and_then(|row| row[name].as_u64()).unwrap_or_default();
        if within(figure("origin_bytes")) && within(figure("delivered")) { Ok(()) } else { Err(json!(rows)) }
    })
    .await;
}

#[tokio::test]
async fn bandwidth_counts_content_lengths_and_issued_presigned_urls() {
    let stack = stack().await;
    let account = stack.account("reader").tier("pro").create().await;
    let size = 100_000u64;
    let asset = stack.asset(&account).bytes(random_bytes(usize::try_from(size).unwrap())).store().await;
    let used = async || {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stack.get(&account, "/api/agentcache/quota").await.1["bandwidth_used_bytes"].as_u64().unwrap()
    };
    let path = format!("/api/storage/download?assetId={}", asset["id"].as_str().unwrap());
    let (_, found) = stack.get(&account, &path).await;
    assert_eq!(found["candidates"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(used().await, 0, "a URL of ours costs when it is used");
    let url = found["url"].as_str().unwrap();
    let etag = stack.http.head(url).sent().await.unwrap().headers()["etag"].clone();
    let free = [
        (200, stack.http.head(url)),
        (304, stack.http.get(url).header("If-None-Match", &etag)),
        (416, stack.http.get(url).header("Range", "bytes=100000-")),
    ];
    for (status, request) in free {
        assert_eq!(request.sent().await.unwrap().status(), status);
    }
    assert_eq!(stack.request(Method::HEAD, &path, &account).sent().await.unwrap().status(), 200);
    assert_eq!(used().await, 0, "HEAD, 304 and 416");
    let mut sum = 0;
    for range in [None, Some("bytes=0-0"), Some("bytes=500-1499"), Some("bytes=-7"), None, Some("bytes=0-99999")] {
        let request = stack.http.get(url);
        let response = range.map_or(request.try_clone().unwrap(), |range| request.header("Range", range)).sent().await.unwrap();
        assert_eq!(response.status(), if range.is_some() { 206 } else { 200 });
        let length: u64 = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
        assert_eq!(u64::try_from(response.bytes().await.unwrap().len()).unwrap(), length);
        sum += length;
    }
    assert_eq!((sum, used().await), (3 * size + 1_008, sum));
    for _ in 0..2 {
        assert_eq!(stack.get(&account, &format!("{path}&direct=1")).await.1["candidates"].as_array().unwrap().len(), 2);
        sum += size;
    }
    assert_eq!(used().await, sum, "the store's own URL is paid when it is issued");
    let own = format!("/files/{}/a.bin", asset["id"].as_str().unwrap());
    assert_eq!(stack.request(Method::GET, &own, &account).sent().await.unwrap().bytes().await.unwrap().len(), 100_000);
    assert_eq!(used().await, sum + size, "the stable URL as well");
    let backend = stack.backend(Method::GET, "/api/agentcache/quota?agentcache_user_id=reader").sent().await.unwrap();
    let (status, quota) = answer(backend).await;
    assert_eq!((status, &quota["bandwidth_used_bytes"], &quota["storage_used_bytes"]), (200, &json!(sum + size), &json!(size)));
    let left = &quota["bandwidth_remaining_bytes"];
    assert_eq!((left, &quota["warning"], &quota["bandwidth_quota_gb"]), (&json!(50_000_000_000 - sum - size), &Value::Null, &json!(50)));
}

#[tokio::test]
async fn exceeded_bandwidth_returns_429_within_one_minute() {
    let stack = stack_with_changed_tiers().await;
    let (warm, cold) = (stack.account("warm").tier("pro").create().await, stack.account("cold").tier("pro").create().await);
    let mut urls = Vec::new();
    for account in [&warm, &cold] {
        let asset = stack.asset(account).bytes(random_bytes(1_000)).store().await;
        let path = format!("/api/storage/download?assetId={}", asset["id"].as_str().unwrap());
        // The store's own URL, which is billed when it is issued.
        let (status, found) = stack.get(account, &format!("{path}&direct=1")).await;
        assert_eq!(status, 200, "{found}");
        urls.push((path, found["url"].as_str().unwrap().to_owned()));
    }
    let [(warm_path, warm_url), (cold_path, cold_url)] = urls.try_into().unwrap();
    assert_eq!(stack.http.get(&warm_url).sent().await.unwrap().status(), 200);
    stack.patch_tier("pro", json!({ "bandwidth_quota_gb": 0 })).await;
    let changed = Instant::now();
    for (account, path) in [(&warm, &warm_path), (&cold, &cold_path)] {
        for path in [path.clone(), format!("{path}&direct=1")] {
            let response = stack.request(Method::GET, &path, account).sent().await.unwrap();
            let seconds = retry_after(&response);
            let (status, body) = answer(response).await;
            assert_eq!((status, &body["code"], &body["limit"]), (429, &json!("bandwidth-exceeded"), &json!(0)), "{body}");
            assert!(body["used"].as_u64().unwrap() >= 1_000, "{body}");
            let resets = chrono::DateTime::parse_from_rfc3339(body["resets"].as_str().unwrap()).unwrap();
            assert!(resets.format("%d %T").to_string() == "01 00:00:00" && resets.offset().local_minus_utc() == 0, "{body}");
            let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
            assert!(
                resets.timestamp() - now < 31 * 86_400 + 1 && (resets.timestamp() - now).abs_diff(i64::try_from(seconds).unwrap()) <= 2,
                "{body}"
            );
        }
    }
    // Nobody remembers the standing of the one that was not read: a first answer begins while it is asked for.
    let began = Instant::now();
    eventually_every(Duration::from_millis(100), Duration::from_secs(5), async || {
        let (status, body) = stack.http.get(&cold_url).answer().await;
        done_or((status, &body["code"]) == (429, &json!("bandwidth-exceeded")), format!("{status} after {:?}", began.elapsed()))
    })
    .await;
    let within = Duration::from_secs(60).saturating_sub(changed.elapsed());
    eventually_every(Duration::from_secs(1), within, async || {
        let status = stack.http.get(&warm_url).sent().await.unwrap().status();
        done_or(status == 429, format!("a URL issued before returns {status}"))
    })
    .await;
    stack.patch_tier("pro", json!({ "bandwidth_quota_gb": 50 })).await;
    assert_eq!(stack.get(&cold, &cold_path).await.0, 200, "more bandwidth counts at once");
}
