//! Slices that the gateway has kept for other PoPs.

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Call, SLICE, WithGateway, fetch};

/// New files would go to KV, too, which other PoPs read before they ask the store.
const VARS: &[(&str, &str)] = &[("POPULARITY_WINDOW_SECONDS", "0")];
const MISS: &str = "JettySpeed; fwd=miss; stored";
const SHIELD: &str = "JettySpeed; fwd=miss; stored; detail=shield";

#[tokio::test]
async fn miss_of_a_second_pop_costs_no_read_of_the_store() {
    let with = WithGateway::start(VARS).await;
    let stack = &with.stack;
    let file = stack.file(&stack.dev).name("film.mp4").size(2 * SLICE + 1_000).store().await;
    let small = stack.file(&stack.dev).name("a.bin").size(400_000).store().await;
    let reads = || [&file, &small].map(|file| stack.store_reads(&file.key));
    let before = reads();
    for file in [&file, &small] {
        let (status, cache, body) = fetch(stack.http.get(&file.url)).await;
        assert!(status == 200 && cache == MISS && body.as_ref() == Some(&file.bytes), "{status} {cache}");
    }
    let after = reads();
    assert_eq!(after, [before[0] + 3, before[1] + 1]);
    with.elsewhere().await;
    for file in [&file, &small] {
        let (status, cache, body) = fetch(stack.http.get(&file.url)).await;
        assert!(status == 200 && cache == SHIELD && body.as_ref() == Some(&file.bytes), "{status} {cache}");
    }
    assert_eq!(reads(), after, "no further read");

    // Who may read, and whether there is such a file, is the PoP's to say.
    with.elsewhere().await;
    assert_eq!(stack.request(Method::DELETE, &format!("/api/storage/files/{}", small.id), &stack.dev).answer().await.0, 204);
    assert_eq!(fetch(stack.http.get(&small.url)).await.0, 404);
    let purge = format!("/api/portal/namespaces/{}/purge", stack.dev.namespace);
    assert_eq!(stack.operator(Method::POST, &purge).answer().await.0, 200);
    assert_eq!(fetch(stack.http.get(&file.url)).await.1, MISS, "a purge reaches the shield");
    assert_eq!(reads()[0], after[0] + 3);
}

#[tokio::test]
async fn slice_of_a_short_lifetime_or_that_did_not_come_whole_is_not_kept() {
    let with = WithGateway::start(VARS).await;
    let stack = &with.stack;
    let file = stack.file(&stack.dev).name("a.bin").size(400_000).store().await;
    let gets = |fault| move |method: &Method, _: &str| (method == Method::GET).then_some(fault);
    for fault in [Fault::ShortBody, Fault::OtherVersion, Fault::CutBody, Fault::Answer(503, "SlowDown")] {
        stack.proxy.inject(gets(fault));
        assert!(matches!(fetch(stack.http.get(&file.url)).await.0, 502..=504), "{fault:?}");
        stack.proxy.clear_faults();
    }
    let body = json!({ "cache_ttl": { "large": 2, "small": 2 } });
    assert_eq!(stack.operator(Method::PATCH, &format!("/api/portal/namespaces/{}", stack.dev.namespace)).json(&body).answer().await.0, 200);
    with.elsewhere().await;
    let (_, cache, body) = fetch(stack.http.get(&file.url)).await;
    assert!(cache == MISS && body.as_ref() == Some(&file.bytes), "{cache}");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    with.elsewhere().await;
    assert_eq!(fetch(stack.http.get(&file.url)).await.1, MISS, "its lifetime is over");
}
