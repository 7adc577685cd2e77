//! Content: from the PoP's cache, and from the store.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Counter, Step, logging_stack};
use crate::harness::{Call, SLICE, Stack, fetch, random_bytes};

/// What follows an answer: the PoP's meter is told, which tells the owner's ledger ten seconds later, and the namespace's statistics are written. The ledger's
/// figures are an action of their own.
const AFTER_ANSWER: &[Step] = &[("object", "report"), ("object", "meter"), ("d1 batch", "INSERT INTO delivery_hourly")];

impl Counter<'_> {
    async fn counted_get(&mut self, name: &str, later: &[Step], url: &str, range: Option<&str>, bytes: usize) {
        let request = self.stack.http.get(url);
        let request = match range {
            Some(range) => request.header("Range", range),
            None => request,
        };
        self.is_without_figures = true;
        let (status, cache, body) = self.act(name, later, fetch(request)).await;
        assert!((status == 200 || status == 206) && body.is_some_and(|body| body.len() == bytes), "{name}: {status} {cache}");
    }
}

async fn small_file(stack: &Stack) -> String {
    let asset = stack.asset(&stack.dev).bytes(random_bytes(100_000)).store().await;
    let (_, found) = stack.get(&stack.dev, &format!("/api/storage/download?assetId={}", asset["id"].as_str().unwrap())).await;
    found["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn small_files_are_billed_what_is_committed() {
    let stack = &logging_stack().await;
    let mut counter = Counter::of(stack).await;
    let (other, url) = (small_file(stack).await, small_file(stack).await);
    // The isolate asks once for the owner's bandwidth.
    counter.counted_get("first", AFTER_ANSWER, &other, None, 100_000).await;
    counter.counted_get("miss_small", AFTER_ANSWER, &url, None, 100_000).await;
    counter.counted_get("get_small", AFTER_ANSWER, &url, None, 100_000).await;
    counter.take("first");
    counter.compare();
}

#[tokio::test]
async fn large_files_are_billed_what_is_committed() {
    let stack = &logging_stack().await;
    let mut counter = Counter::of(stack).await;
    let slices = stack.file(&stack.dev).name("slices.bin").size(4 * SLICE).store().await;
    let large = stack.file(&stack.dev).name("large.bin").size(100_000_000).store().await;
    // Read whole repeatedly, it is also cached in one piece.
    for _ in 0..3 {
        counter.counted_get("first", AFTER_ANSWER, &large.url, None, 100_000_000).await;
    }
    counter.counted_get("miss_slice", AFTER_ANSWER, &slices.url, Some(&format!("bytes=0-{}", SLICE - 1)), SLICE).await;
    counter.counted_get("get_large", AFTER_ANSWER, &large.url, None, 100_000_000).await;
    counter.take("first");
    counter.compare();
}

#[tokio::test]
async fn video_is_billed_what_is_committed() {
    let stack = &logging_stack().await;
    let mut counter = Counter::of(stack).await;
    let segments: Vec<String> = (0..4).map(|number| format!("{number}.ts")).collect();
    let list: String = segments.iter().map(|name| format!("#EXTINF:4.0,\n{name}\n")).collect();
    let put = async |path: &str, bytes: Vec<u8>| {
        let (status, body) = stack.request(Method::PUT, &format!("/api/video/film/{path}"), &stack.dev).body(bytes).answer().await;
        assert_eq!(status, 201, "{body}");
    };
    for name in &segments {
        put(name, random_bytes(1_000_000)).await;
    }
    put("alone.ts", random_bytes(1_000_000)).await;
    put("index.m3u8", format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{list}#EXT-X-ENDLIST\n").into_bytes()).await;
    let (_, playback): (u16, Value) = stack.post(&stack.dev, "/api/video/film/playback", json!({})).await;
    let url = playback["url"].as_str().unwrap().strip_suffix("index.m3u8").unwrap().to_owned();
    counter
        .act("first", AFTER_ANSWER, async {
            for name in ["index.m3u8"].into_iter().chain(segments.iter().map(String::as_str)) {
                assert_eq!(fetch(stack.http.get(format!("{url}{name}"))).await.0, 200);
            }
        })
        .await;
    counter.counted_get("video_miss", AFTER_ANSWER, &format!("{url}alone.ts"), None, 1_000_000).await;
    // The next two are cached as well: nothing is left to prefetch.
    counter.counted_get("video_hit", AFTER_ANSWER, &format!("{url}1.ts"), None, 1_000_000).await;
    counter.take("first");
    counter.compare();
}
