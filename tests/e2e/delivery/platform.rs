//! What Cloudflare's cache does that a local one does not: keys on a host of ours, limited calls, puts that keep nothing.

use std::time::Duration;

use futures_util::future::join_all;
use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use reqwest::header::HOST;

use crate::harness::{Call, SLICE, Stack, fetch, header};

#[tokio::test]
async fn cached_bytes_belong_to_the_host_of_the_request_and_no_url_reads_them() {
    let stack = Stack::start(&[]).await;
    let file = stack.file(&stack.dev).name("host.bin").size(300_000).store().await;
    let of = |host: &str| fetch(stack.http.get(&file.url).header(HOST, host));
    assert_eq!(of("a.example.com").await.1, "JettySpeed; fwd=miss; stored");
    assert!(of("a.example.com").await.1.starts_with("JettySpeed; hit"));
    assert!(!of("b.example.com").await.1.starts_with("JettySpeed; hit; ttl"), "another host's entry");
    let row = &stack.sql(&format!("SELECT o.id, o.etag FROM assets a JOIN objects o ON o.id = a.object_id WHERE a.id = '{}'", file.id)).await[0][0];
    let entry = format!("/.jettyspeed/cache/1/{}/0/{}/{}/300000/0", stack.dev.namespace, row["id"].as_str().unwrap(), row["etag"].as_str().unwrap());
    for path in [entry.as_str(), "/.jettyspeed/cache/", "/.jettyspeed/cache/1/known/x"] {
        let response = stack.anonymous(Method::GET, path).header(HOST, "a.example.com").sent().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "content-type").as_str()), (404, "application/problem+json"), "{path}");
    }
}

#[tokio::test]
async fn hosts_of_a_deployment_with_public_url_share_what_is_cached() {
    let stack = Stack::start(&[("PUBLIC_URL", "https://edge.example.com")]).await;
    let file = stack.file(&stack.dev).name("hosts.bin").size(300_000).store().await;
    for (host, cache) in
        [("a.example.com", "JettySpeed; fwd=miss; stored"), ("b.example.com", "JettySpeed; hit; ttl="), ("a.example.com", "JettySpeed; hit; ttl=")]
    {
        let (status, seen, body) = fetch(stack.http.get(&file.url).header(HOST, host)).await;
        assert!(status == 200 && seen.starts_with(cache) && body.unwrap() == file.bytes, "{host}: {seen}");
    }
}

#[tokio::test]
async fn get_beyond_the_limit_of_cache_calls_reads_the_rest_in_one_piece() {
    let stack = Stack::start(&[("CACHE_CALLS_PER_REQUEST", "20")]).await;
    let slices = 14;
    let file = stack.file(&stack.dev).name("long.bin").size(slices * SLICE).store().await;
    let mut reads = Vec::new();
    for _ in 0..4 {
        let before = stack.store_reads(&file.key);
        let (status, _, body) = fetch(stack.http.get(&file.url)).await;
        assert!(status == 200 && body.unwrap() == file.bytes);
        reads.push(stack.store_reads(&file.key) - before);
    }
    // A miss takes three calls, a hit one: requests get further than the one before them, until too few are left for the last slices.
    println!("reads of the store: {reads:?}");
    assert!((5..=8).contains(&reads[0]), "six slices or so, and the rest: {reads:?}");
    assert!(reads.windows(2).all(|pair| pair[1] <= pair[0]) && reads[3] <= 2, "{reads:?}");
    // Several ranges behind the limit: each is read by itself.
    let other = stack.file(&stack.dev).name("ranges.bin").size(slices * SLICE).store().await;
    let wanted: Vec<_> = (0..slices).map(|slice| (slice * SLICE + 7, slice * SLICE + 8)).collect();
    let field = wanted.iter().map(|(first, last)| format!("{first}-{last}")).collect::<Vec<_>>().join(", ");
    let (status, _, body) = fetch(stack.http.get(&other.url).header("Range", format!("bytes={field}"))).await;
    let body = body.unwrap();
    let holds = |bytes: &[u8]| body.windows(bytes.len()).any(|window| window == bytes);
    assert_eq!(status, 206);
    assert!(wanted.iter().all(|(first, last)| holds(&other.bytes[*first..=*last])));
}

#[tokio::test]
async fn cache_that_keeps_nothing_serves_everybody_whole() {
    let stack = Stack::start(&[("CACHE_KEEPS_NOTHING", "1")]).await;
    for (name, size) in [("ignored.bin", 300_000), ("ignored-large.bin", 3 * SLICE)] {
        let file = stack.file(&stack.dev).name(name).size(size).store().await;
        stack.proxy.inject(|method, target| (method == Method::GET && target.contains("/o/")).then_some(Fault::Slow(500)));
        let began = std::time::Instant::now();
        let answers = join_all((0..8).map(|_| fetch(stack.http.get(&file.url)))).await;
        stack.proxy.clear_faults();
        for (status, cache, body) in answers {
            assert!(status == 200 && body.is_some_and(|body| body == file.bytes), "{name}: {status} {cache}");
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let (status, cache, _) = fetch(stack.http.get(&file.url)).await;
        assert_eq!((status, cache.as_str()), (200, "JettySpeed; fwd=miss; stored"), "what a put has kept is not known");
    }
}
