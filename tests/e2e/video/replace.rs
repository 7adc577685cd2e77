//! Replacing files of a video.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jettyspeed_devstack::proxy::Fault;
use reqwest::Method;
use serde_json::json;

use super::{fetch_video, media_playlist, playback_base, put_video};
use crate::harness::{Call, Stack, done_or, eventually_every, header, random_bytes, unique};

#[tokio::test]
async fn replaced_playlist_is_served_at_once_and_charged_at_its_size() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("live").tier("enterprise").create().await;
    let used = async || stack.used_and_reserved(&account).await;
    let first = media_playlist(&["0.ts"], false);
    let (status, body) = put_video(&stack, &account, "tv/index.m3u8", first.clone()).await;
    assert_eq!((status, &body["size"], &body["s3Key"]), (201, &json!(first.len()), &json!("users/live/v/tv/index.m3u8")));
    let url = playback_base(&stack, &account, "tv", "index.m3u8").await + "index.m3u8";
    let response = stack.http.get(&url).sent().await.unwrap();
    assert_eq!(header(&response, "cache-control"), "private, max-age=2, no-transform", "half a target duration");
    assert_eq!(response.text().await.unwrap(), first);
    for number in 1..4 {
        let next = media_playlist(&[&format!("{number}.ts"), "more.ts"], false);
        assert_eq!(put_video(&stack, &account, "tv/index.m3u8", next.clone()).await.0, 200);
        assert_eq!(fetch_video(&stack, &url).await.2, next.as_bytes(), "at once");
        assert_eq!(used().await, (next.len() as u64, 0), "the one before is not paid for any more");
    }
    let vod = media_playlist(&["0.ts"], true);
    assert_eq!(put_video(&stack, &account, "tv/index.m3u8", vod.clone()).await.0, 200);
    let response = stack.http.get(&url).sent().await.unwrap();
    assert_eq!(header(&response, "cache-control"), "private, no-cache, no-transform", "it may be replaced");
    // Two concurrent replacements: one of them wins, and the served bytes are those at the store.
    for round in 0..5 {
        let (a, b) = (media_playlist(&[&format!("a{round}.ts")], true), media_playlist(&[&format!("bbb{round}.ts")], true));
        let answers = tokio::join!(put_video(&stack, &account, "tv/index.m3u8", a), put_video(&stack, &account, "tv/index.m3u8", b));
        assert_eq!((answers.0.0, answers.1.0), (200, 200));
        let at_store = stack.bucket.get("users/live/v/tv/index.m3u8").await.unwrap();
        let (status, _, body) = fetch_video(&stack, &url).await;
        assert_eq!((status, body), (200, at_store), "round {round}");
    }
    for bad in ["tv/a%2Fb.ts", "tv/a//b", "tv/a/"] {
        assert_eq!(put_video(&stack, &account, bad, "x").await.0, 404, "{bad}");
    }
    assert_eq!(put_video(&stack, &account, "t%20v/a.ts", "x").await.0, 422);
    assert_eq!(put_video(&stack, &account, "tv/page.m3u8", "<html>").await.0, 422);
}

#[tokio::test]
async fn read_during_replacement_returns_one_complete_version() {
    let stack = Stack::start(&[]).await;
    let versions: Vec<String> = (0..25).map(|number| media_playlist(&[&format!("{number}.ts")], false)).collect();
    assert_eq!(put_video(&stack, &stack.dev, "tv/index.m3u8", versions[0].clone()).await.0, 201);
    let url = playback_base(&stack, &stack.dev, "tv", "index.m3u8").await + "index.m3u8";
    let done = std::sync::atomic::AtomicBool::new(false);
    let writing = async {
        for version in &versions[1..] {
            assert_eq!(put_video(&stack, &stack.dev, "tv/index.m3u8", version.clone()).await.0, 200);
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let reading = async || {
        let mut reads = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let (status, _, body) = fetch_video(&stack, &url).await;
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            assert!(versions.iter().any(|version| version.as_bytes() == body), "nothing in between");
            reads += 1;
        }
        reads
    };
    let ((), one, two) = tokio::join!(writing, reading(), reading());
    // At least one read of each must have finished while the writer ran.
    assert!(one > 0 && two > 0, "{one} and {two} reads");
}

/// A writer is ahead of D1 at each attempt, and once more between the look at the store and the read.
#[tokio::test]
async fn read_beside_a_writer_that_never_pauses_is_served_although_the_store_changed_after_it_was_asked() {
    let stack = Stack::start(&[]).await;
    assert_eq!(put_video(&stack, &stack.dev, "race/0.ts", "segment").await.0, 201);
    let url = playback_base(&stack, &stack.dev, "race", "0.ts").await + "0.ts";
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&looks);
    stack.proxy.inject(move |method, target| {
        let of_file = target.contains("/v/race/");
        if of_file && method == Method::HEAD {
            seen.fetch_add(1, Ordering::SeqCst);
        }
        (of_file && method == Method::GET && seen.load(Ordering::SeqCst) < 2).then_some(Fault::Answer(412, "PreconditionFailed"))
    });
    let (status, _, body) = fetch_video(&stack, &url).await;
    assert_eq!((status, body), (200, b"segment".to_vec()), "after {} looks at the store", looks.load(Ordering::SeqCst));
    assert_eq!(looks.load(Ordering::SeqCst), 2);
}

/// The outcome of a write is unknown: the store's answer was lost, and so was the look after it. A minute later a job looks again.
#[tokio::test]
async fn put_with_lost_store_answer_is_reconciled_by_a_job() {
    let stack = Stack::start(&[]).await;
    let account = stack.account(&unique("reconciliation-")).tier("enterprise").create().await;
    let used = async || stack.used_and_reserved(&account).await;
    let key = |path: &str| format!("users/{}/v/film/{path}", account.user_id);
    let (first, second) = (random_bytes(3_000), random_bytes(4_000));
    assert_eq!(put_video(&stack, &account, "film/kept.ts", first.clone()).await.0, 201);
    let url = playback_base(&stack, &account, "film", "kept.ts").await;
    stack.proxy.inject(|method, target| match method.as_str() {
        "PUT" if target.contains("/v/film/") => Some(Fault::LoseAnswer),
        "HEAD" => Some(Fault::Answer(503, "SlowDown")),
        _ => None,
    });
    let (status, body) = put_video(&stack, &account, "film/kept.ts", second.clone()).await;
    assert!(status >= 500, "{body}");
    let (status, body) = put_video(&stack, &account, "film/new.ts", first.clone()).await;
    assert!(status >= 500, "{body}");
    stack.proxy.clear_faults();
    assert!(stack.bucket.get(&key("new.ts")).await.unwrap() == first, "it is there, and no row names it");
    assert_eq!(used().await, (3_000, 7_000), "until it is known how they ended");
    let started = Instant::now();
    eventually_every(Duration::from_secs(1), Duration::from_secs(200), async || {
        let (is_there, used) = (stack.bucket.get(&key("new.ts")).await.is_some(), used().await);
        done_or(!is_there && used == (4_000, 0), format!("the object is there: {is_there}; {used:?} used and reserved"))
    })
    .await;
    // The file replaced at the store is replaced in D1 and charged; the object without a row is deleted and can be stored again.
    let (status, _, body) = fetch_video(&stack, &format!("{url}kept.ts")).await;
    assert!(status == 200 && body == second, "{status}");
    assert_eq!(put_video(&stack, &account, "film/new.ts", second.clone()).await.0, 201);
    let (status, _, body) = fetch_video(&stack, &format!("{url}new.ts")).await;
    assert!(status == 200 && body == second, "{status}");
    let delete = stack.request(Method::DELETE, "/api/video/film", &account);
    assert_eq!(delete.sent().await.unwrap().status(), 204);
    let left = Duration::from_secs(230).saturating_sub(started.elapsed());
    eventually_every(Duration::from_millis(500), left, async || {
        let used = used().await;
        done_or(used == (0, 0), format!("it is still charged: {used:?}"))
    })
    .await;
    assert_eq!(stack.sql("SELECT COUNT(*) AS n FROM video_files").await[0][0]["n"], 0);
}
