//! What one customer's video may cost the others.

use std::time::{Duration, Instant};

use futures_util::future::join;

use super::{fetch_video, playback_base, put_video};
use crate::harness::{Stack, random_bytes};

/// 22,000 lines, each a file in a folder of its own: `aaa/s`, `aab/s`, …
fn folders() -> String {
    let digit = |n: u32| char::from_digit(n % 36, 36).unwrap();
    let lines = (0..22_000u32).map(|n| format!("{}{}{}/s\n", digit(n / 1_296), digit(n / 36), digit(n)));
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{}", lines.collect::<String>())
}

#[tokio::test]
async fn playlist_of_22000_folders_costs_little_and_others_are_answered() {
    let stack = Stack::start(&[]).await;
    let playlist = folders();
    assert!(playlist.len() > 131_000, "{}", playlist.len());
    assert_eq!(put_video(&stack, &stack.dev, "wide/index.m3u8", playlist.clone()).await.0, 201);
    let url = playback_base(&stack, &stack.dev, "wide", "index.m3u8").await + "index.m3u8";
    let other = stack.asset(&stack.other).bytes(random_bytes(1_000)).store().await;
    let others_url = stack.edge(&stack.other).download_url(other["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(fetch_video(&stack, &others_url).await.0, 200);
    let usage = async || stack.worker.lock().await.usage();
    let before = usage().await;
    let others = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..40 {
            let asked = Instant::now();
            assert_eq!(fetch_video(&stack, &others_url).await.0, 200);
            slowest = slowest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        slowest
    };
    let (slowest, (status, _, body)) = join(others, fetch_video(&stack, &url)).await;
    assert!(status == 200 && body == playlist.as_bytes());
    let after = usage().await;
    let (cpu_ms, grown) = (after.cpu_ms - before.cpu_ms, after.resident.saturating_sub(before.resident));
    println!("{cpu_ms} ms of CPU with 40 requests of others, the slowest {slowest:?}; {grown} bytes more resident");
    assert!(cpu_ms < 5_000, "{cpu_ms} ms");
    assert!(grown < 100_000_000, "{grown} bytes");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}
