//! Deleting a video.

use std::time::Duration;

use serde_json::json;

use super::{fetch_video, media_playlist, playback_base, put_video};
use crate::harness::{Stack, done_or, eventually, eventually_every, unique};

#[tokio::test]
async fn deleted_video_returns_404_and_frees_its_bytes() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("gone").tier("enterprise").create().await;
    for number in 0..120 {
        assert_eq!(put_video(&stack, &account, &format!("v1/s/{number}.ts"), vec![1; 100]).await.0, 201);
    }
    assert_eq!(put_video(&stack, &account, "v1/index.m3u8", media_playlist(&["s/0.ts"], true)).await.0, 201);
    assert_eq!(put_video(&stack, &account, "v2/index.m3u8", media_playlist(&["0.ts"], true)).await.0, 201);
    let url = playback_base(&stack, &account, "v1", "index.m3u8").await;
    assert_eq!(fetch_video(&stack, &format!("{url}s/7.ts")).await.0, 200);
    let edge = stack.edge(&account);
    edge.delete_video("v1", None).await.unwrap();
    for path in ["index.m3u8", "s/7.ts", "s/8.ts"] {
        assert_eq!(fetch_video(&stack, &format!("{url}{path}")).await.0, 404, "{path}");
    }
    assert_eq!(edge.delete_video("v1", None).await.unwrap_err().status(), Some(404));
    eventually(Duration::from_secs(100), async || {
        let (objects, _) = stack.bucket.objects_and_uploads_of("gone").await;
        let usage = stack.used_and_reserved(&account).await;
        let left = media_playlist(&["0.ts"], true).len() as u64;
        done_or(objects == ["users/gone/v/v2/index.m3u8"] && usage == (left, 0), format!("{objects:?}, {usage:?} used and reserved"))
    })
    .await;
    // The same video can be stored again.
    assert_eq!(put_video(&stack, &account, "v1/index.m3u8", media_playlist(&["s/0.ts"], true)).await.0, 201);
}

#[tokio::test]
async fn concurrent_put_and_delete_leave_store_and_ledger_consistent() {
    let stack = Stack::start(&[]).await;
    // Other stacks use the same store: the user name must be unique.
    let user = unique("video-racer-");
    let account = stack.account(&user).tier("enterprise").create().await;
    let edge = stack.edge(&account);
    for round in 0..8_u8 {
        let bytes = |number: u8| vec![round * 10 + number; 1_000 + usize::from(number)];
        let puts = futures_util::future::join_all((0..4).map(|number| {
            let (stack, account) = (&stack, &account);
            async move { put_video(stack, account, &format!("v/{}.bin", number % 2), bytes(number)).await.0 }
        }));
        let (answers, _) = tokio::join!(puts, edge.delete_video("v", None));
        assert!(answers.iter().all(|status| matches!(status, 200 | 201 | 409)), "round {round}: {answers:?}");
    }
    assert_eq!(put_video(&stack, &account, "w/index.m3u8", media_playlist(&["0.ts"], true)).await.0, 201);
    // Once all jobs are done, D1, store and ledger agree.
    eventually_every(Duration::from_millis(500), Duration::from_secs(240), async || {
        let rows = stack
            .sql(&format!("SELECT s3_key, size, etag, doomed_at FROM video_files WHERE s3_key LIKE 'users/{user}/%' ORDER BY s3_key"))
            .await
            .remove(0);
        let (mut keys, _) = stack.bucket.objects_and_uploads_of(&user).await;
        keys.sort();
        let (_, quota) = stack.get(&account, "/api/agentcache/quota").await;
        let sum: u64 = rows.iter().map(|row| row["size"].as_u64().unwrap()).sum();
        let named: Vec<&str> = rows.iter().map(|row| row["s3_key"].as_str().unwrap()).collect();
        let quiet = rows.iter().all(|row| row["doomed_at"].is_null());
        if quiet && keys == named && quota["storage_used_bytes"] == json!(sum) && quota["storage_reserved_bytes"] == json!(0) {
            for row in &rows {
                let bytes = stack.bucket.get(row["s3_key"].as_str().unwrap()).await.unwrap();
                assert_eq!(bytes.len() as u64, row["size"].as_u64().unwrap(), "{row}");
            }
            return Ok(());
        }
        Err(format!("rows {rows:?}, keys {keys:?}, quota {quota}"))
    })
    .await;
}
