//! Request collapsing: concurrent misses cause few reads of the store.

use std::time::Duration;

use futures_util::future::join_all;
use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;

use crate::harness::{Call, SLICE, Stack, fetch};

#[tokio::test]
async fn five_hundred_concurrent_gets_cause_at_most_two_store_reads() {
    let stack = Stack::start(&[]).await;
    for (name, size, range) in [("crowd.bin", 2_000_000, None), ("large-crowd.bin", 3 * SLICE, Some((SLICE + 5, SLICE + 60_004)))] {
        let file = stack.file(&stack.dev).name(name).size(size).store().await;
        // The store is slow, so that all requests arrive while the first one reads.
        stack.proxy.inject(|method, _| (method == Method::GET).then_some(Fault::Slow(1_500)));
        let before = stack.store_reads(&file.key);
        let ask = |_| {
            let request = stack.http.get(&file.url);
            fetch(range.map_or(request.try_clone().unwrap(), |(first, last)| request.header("Range", format!("bytes={first}-{last}"))))
        };
        let answers = join_all((0..500).map(ask)).await;
        stack.proxy.clear_faults();
        let wanted = range.map_or(&file.bytes[..], |(first, last)| &file.bytes[first..=last]);
        let mut collapsed = 0;
        for (status, cache, body) in answers {
            assert!(matches!(status, 200 | 206) && body.is_some_and(|body| body == wanted), "{status} {cache}");
            collapsed += usize::from(cache == "JettySpeed; fwd=miss; collapsed");
        }
        let reads = stack.store_reads(&file.key) - before;
        println!("{name}: {reads} reads of the store, {collapsed} of 500 waited for one");
        assert!(reads <= 2 && collapsed > 0, "{reads} reads, {collapsed} collapsed");
    }
}

/// Regression: a client that disconnected during a fill left its fill lock behind, and all others waited until the lock expired.
#[tokio::test]
async fn client_disconnecting_during_fill_does_not_delay_the_next() {
    let stack = Stack::start(&[]).await;
    let file = stack.file(&stack.dev).name("left.bin").size(300_000).store().await;
    stack.proxy.inject(|method, target| (method == Method::GET && target.contains("/o/")).then_some(Fault::Slow(1_500)));
    for _ in 0..3 {
        let left = tokio::time::timeout(Duration::from_millis(300), stack.http.get(&file.url).sent()).await;
        assert!(left.is_err(), "gone before it began");
    }
    let began = std::time::Instant::now();
    let (status, _, body) = fetch(stack.http.get(&file.url)).await;
    assert!(status == 200 && body.unwrap() == file.bytes);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn store_returning_503_is_read_at_most_20_times_a_second_for_100_clients() {
    let stack = Stack::start(&[]).await;
    let file = stack.file(&stack.dev).name("down.bin").size(300_000).store().await;
    stack.proxy.inject(|method, target| (method == Method::GET && target.contains("/o/")).then_some(Fault::Answer(503, "SlowDown")));
    let before = stack.store_reads(&file.key);
    let began = std::time::Instant::now();
    let answers = join_all((0..100).map(|_| fetch(stack.http.get(&file.url)))).await;
    assert!(answers.iter().all(|(status, _, _)| *status == 503), "{answers:?}");
    let asked = stack.store_reads(&file.key) - before;
    println!("{asked} reads of a store that is down, for 100 who asked, in {:?}", began.elapsed());
    // Those who wait ask again when a read has failed: a busy machine takes longer, and more of them do.
    let took = began.elapsed();
    assert!(asked as f64 <= 20.0 * took.as_secs_f64().max(1.0) && took < Duration::from_secs(10), "{asked} reads in {took:?}");
    stack.proxy.clear_faults();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(fetch(stack.http.get(&file.url)).await.0, 200);
}
