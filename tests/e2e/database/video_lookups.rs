//! A video that nobody changes is looked up by pages; one that is changed, file by file (docs/video.md, Look-ups).

use std::time::Duration;

use reqwest::Method;

use crate::harness::{Call, Stack, fetch};
use crate::video::{media_playlist, playback_base, put_video};

const STATE: &str = "SELECT v.version, v.changed_at";
const FILE: &str = "SELECT v.id, v.account_id, v.namespace";

/// Stores a video of `count` segments and lets it be as if that was long ago: what its files' URLs begin with. Its name is its own, because all stacks have the
/// same bucket.
async fn settled_video(stack: &Stack, video: &str, count: usize) -> String {
    let names: Vec<String> = (0..count).map(|number| format!("seg_{number:04}.ts")).collect();
    for name in &names {
        assert_eq!(put_video(stack, &stack.dev, &format!("{video}/720p/{name}"), format!("bytes of {name}")).await.0, 201);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(put_video(stack, &stack.dev, &format!("{video}/720p/index.m3u8"), media_playlist(&names, true)).await.0, 201);
    settle(stack).await;
    playback_base(stack, &stack.dev, video, "720p/index.m3u8").await
}

/// As if the last change was long ago, and every cache had forgotten it.
async fn settle(stack: &Stack) {
    stack.sql("UPDATE videos SET changed_at = 1000").await;
    let mut worker = stack.worker.lock().await;
    worker.kill();
    let _ = std::fs::remove_dir_all(worker.setup().state.join("v3/cache"));
    worker.restart().await.unwrap();
}

async fn text(stack: &Stack, url: &str) -> (u16, String) {
    let (status, _, body) = fetch(stack.http.get(url)).await;
    (status, String::from_utf8(body.unwrap_or_default()).unwrap())
}

fn count(calls: &[String], begin: &str) -> usize {
    calls.iter().filter(|call| call.starts_with(begin)).count()
}

#[tokio::test]
async fn playing_a_settled_video_takes_one_look_up_for_a_hundred_segments() {
    let stack = Stack::start(&[("LOG_LEVEL", "debug")]).await;
    let url = settled_video(&stack, "looked-up", 30).await;
    let from = stack.log_length().await;
    assert_eq!(text(&stack, &format!("{url}720p/index.m3u8")).await.0, 200);
    for number in 0..30 {
        let name = format!("seg_{number:04}.ts");
        assert_eq!(text(&stack, &format!("{url}720p/{name}")).await, (200, format!("bytes of {name}")));
    }
    let calls = stack.database_calls(from).await;
    // The playlist's page and the segments' page, which the player and the prefetches of three segments may look up at the same time.
    assert!((2..=5).contains(&count(&calls, STATE)) && count(&calls, FILE) == 0, "{calls:?}");

    // The state is read again after 50 s, the pages are not.
    tokio::time::sleep(Duration::from_secs(51)).await;
    let from = stack.log_length().await;
    for number in 0..30 {
        assert_eq!(text(&stack, &format!("{url}720p/seg_{number:04}.ts")).await.0, 200);
    }
    let calls = stack.database_calls(from).await;
    // By the player and the prefetches of two segments.
    assert!((1..=3).contains(&count(&calls, STATE)) && count(&calls, FILE) == 0, "{calls:?}");
}

#[tokio::test]
async fn changes_of_a_settled_video_show_at_once() {
    let stack = Stack::start(&[("LOG_LEVEL", "debug")]).await;
    let url = settled_video(&stack, "changed", 3).await;
    let segment = |number: usize| format!("{url}720p/seg_{number:04}.ts");
    for number in 0..3 {
        assert_eq!(text(&stack, &segment(number)).await.0, 200);
    }
    // Replaced.
    assert_eq!(put_video(&stack, &stack.dev, "changed/720p/seg_0001.ts", "other").await.0, 200);
    assert_eq!(text(&stack, &segment(1)).await, (200, "other".to_owned()));
    let playlist = media_playlist(&["seg_0000.ts"], true);
    assert_eq!(put_video(&stack, &stack.dev, "changed/720p/index.m3u8", playlist.clone()).await.0, 200);
    assert_eq!(text(&stack, &format!("{url}720p/index.m3u8")).await, (200, playlist));
    // Looked up file by file until it has settled.
    let from = stack.log_length().await;
    assert_eq!(text(&stack, &segment(2)).await.0, 200);
    assert!(count(&stack.database_calls(from).await, FILE) <= 1);

    // Added where another PoP has the page: here the page is known, and no cache is told.
    settle(&stack).await;
    assert_eq!(text(&stack, &segment(0)).await.0, 200);
    let added = "INSERT INTO video_files (namespace, video_id, path, id, account_id, s3_key, size, etag, content_type, created_at) \
                 SELECT namespace, video_id, '720p/seg_0009.ts', '01010101-0101-4101-8101-010101010101', account_id, s3_key, size, etag, content_type, created_at \
                 FROM video_files WHERE path = '720p/seg_0002.ts'";
    stack.sql(added).await;
    assert_eq!(text(&stack, &segment(9)).await, (200, "bytes of seg_0002.ts".to_owned()));
    assert_eq!(text(&stack, &segment(8)).await.0, 404);

    // Deleted.
    settle(&stack).await;
    assert_eq!(text(&stack, &segment(0)).await.0, 200);
    assert_eq!(stack.request(Method::DELETE, "/api/video/changed", &stack.dev).answer().await.0, 204);
    assert_eq!(text(&stack, &segment(0)).await.0, 404);
}
