//! Pushing a folder and playing it.

use std::time::Duration;

use jettyspeed_client::{PushOptions, no_progress, push};
use reqwest::Method;
use serde_json::json;

use super::{fetch_video, media_playlist, playback_base, put_video};
use crate::harness::{Call, Stack, done_or, eventually_every, header, random_bytes, stack};

/// Waits until the Worker has read the object from the store into the cache, without a request for it.
async fn wait_for_prefetch(stack: &Stack, key: &str) {
    let look = async || done_or(stack.store_reads(key) > 0, format!("nobody has read {key} from the store"));
    eventually_every(Duration::from_millis(100), Duration::from_secs(20), look).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn pushed_folder_plays_through_one_token_with_prefetched_segments() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let segments: Vec<Vec<u8>> = (0..6).map(|_| random_bytes(120_000)).collect();
    std::fs::create_dir(folder.path().join("720p é")).unwrap();
    for (number, bytes) in segments.iter().enumerate() {
        std::fs::write(folder.path().join(format!("720p é/{number}.ts")), bytes).unwrap();
    }
    std::fs::write(folder.path().join("720p é/index.m3u8"), media_playlist(&["0.ts", "1.ts", "2.ts", "3.ts", "4.ts", "5.ts"], true)).unwrap();
    std::fs::write(folder.path().join("index.m3u8"), "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\n720p%20%C3%A9/index.m3u8\n").unwrap();
    std::fs::write(folder.path().join("k.key"), [7; 16]).unwrap();
    std::fs::write(folder.path().join("s.vtt"), "WEBVTT\n").unwrap();
    let edge = stack.edge(&stack.dev);
    let options = PushOptions { id: Some("tree".into()), ..PushOptions::default() };
    let pushed = push(&edge, folder.path(), &options, no_progress()).await.unwrap();
    assert_eq!((pushed.files, pushed.entry.as_deref()), (10, Some("index.m3u8")));
    assert!(stack.bucket.get("users/dev/v/tree/720p%20%C3%A9/0.ts").await.unwrap() == segments[0], "at the key that is promised");

    let url = playback_base(stack, &stack.dev, "tree", "index.m3u8").await;
    let master = stack.http.get(format!("{url}index.m3u8")).sent().await.unwrap();
    assert_eq!((master.status().as_u16(), header(&master, "content-type").as_str()), (200, "application/vnd.apple.mpegurl"));
    assert_eq!((header(&master, "access-control-allow-origin").as_str(), header(&master, "accept-ranges").as_str()), ("*", "bytes"));
    assert_eq!(header(&master, "content-disposition"), "", "players do not save");
    let list = format!("{url}720p%20%C3%A9/");
    assert_eq!(fetch_video(stack, &format!("{list}index.m3u8")).await.0, 200);
    // The playlist prefetches the first three segments, each segment those after it.
    let mut hits = 0;
    for (number, bytes) in segments.iter().enumerate() {
        wait_for_prefetch(stack, &format!("/v/tree/720p%20%C3%A9/{number}.ts")).await;
        let (status, cache, body) = fetch_video(stack, &format!("{list}{number}.ts?CMCD=bl%3D21300%2Csid%3D%22x%22")).await;
        assert!(status == 200 && body == *bytes, "{number}: {status}");
        hits += usize::from(cache.starts_with("JettySpeed; hit"));
    }
    assert_eq!(hits, 6, "every segment was there before it was asked for");
    for (path, kind) in [("k.key", "application/pgp-keys"), ("s.vtt", "text/vtt"), ("720p%20%C3%A9/0.ts", "video/mp2t")] {
        let response = stack.http.get(format!("{url}{path}")).header("Range", "bytes=1-3").sent().await.unwrap();
        assert_eq!(response.status(), 206, "{path}");
        assert!(path == "k.key" || header(&response, "content-type") == kind, "{path}: {response:?}");
        assert_eq!(response.bytes().await.unwrap().len(), 3);
    }
    // CORS headers on every status.
    for (target, status) in [(format!("{url}none.ts"), 404), (url.replacen("jtv1.", "jtv1.x", 1) + "index.m3u8", 401)] {
        let response = stack.http.get(&target).header("Origin", "https://player.example").sent().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "access-control-allow-origin").as_str()), (status, "*"), "{target}");
    }
    let preflight =
        stack.http.request(Method::OPTIONS, format!("{url}k.key")).header("Access-Control-Request-Headers", "range").sent().await.unwrap();
    assert_eq!((preflight.status().as_u16(), header(&preflight, "access-control-allow-headers").as_str()), (204, "range"));

    tokio::time::sleep(Duration::from_millis(4_000)).await;
    let stats = stack.request(Method::GET, &format!("/api/portal/namespaces/{}/stats", stack.dev.namespace), &stack.dev);
    let (status, body) = stats.answer().await;
    assert_eq!((status, &body["cmcd_requests"]), (200, &json!(6)), "{body}");
    assert!(body["hits"].as_u64().unwrap() >= 6 && body["bytes_from_cache"].as_u64().unwrap() >= 720_000, "{body}");
    assert!(body["cost_saved_usd"].as_f64().unwrap() > 0.0 && body["hit_rate"].as_f64().unwrap() > 0.0, "{body}");
}

#[tokio::test]
async fn video_is_isolated_by_namespace_and_disabled_feature_returns_403() {
    let stack = Stack::start(&[]).await;
    assert_eq!(put_video(&stack, &stack.dev, "mine/index.m3u8", media_playlist(&["0.ts"], true)).await.0, 201);
    assert_eq!(put_video(&stack, &stack.other, "mine/index.m3u8", media_playlist(&["1.ts"], true)).await.0, 201, "the same id is another's video");
    let [mine, theirs] =
        [playback_base(&stack, &stack.dev, "mine", "index.m3u8").await, playback_base(&stack, &stack.other, "mine", "index.m3u8").await];
    for (url, name) in [(&mine, "0.ts"), (&theirs, "1.ts"), (&mine, "0.ts")] {
        assert!(String::from_utf8(fetch_video(&stack, &format!("{url}index.m3u8")).await.2).unwrap().contains(name));
    }
    let foreign = stack.request(Method::POST, "/api/video/mine/playback", &stack.other).header("X-Namespace", &stack.dev.namespace).json(&json!({}));
    assert_eq!(foreign.answer().await.0, 404);
    // A file token opens no video, and a video token no file.
    let asset = stack.asset(&stack.dev).bytes(vec![1; 10]).store().await;
    let file = stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    let token = |url: &str| url.split('/').nth(4).unwrap().to_owned();
    for crossed in [format!("/v/{}/index.m3u8", token(&file)), format!("/files/{}/index.m3u8", token(&mine))] {
        assert_eq!(stack.anonymous(Method::GET, &crossed).answer().await.0, 401, "{crossed}");
    }
    let off = json!({ "features": { "video_streaming": false } });
    let request = stack.operator(Method::PATCH, &format!("/api/portal/namespaces/{}", stack.dev.namespace)).json(&off);
    assert_eq!(request.answer().await.0, 200);
    assert_eq!(put_video(&stack, &stack.dev, "mine/0.ts", "x").await.0, 403);
    assert_eq!(fetch_video(&stack, &format!("{mine}index.m3u8")).await.0, 403);
    assert_eq!(fetch_video(&stack, &format!("{theirs}index.m3u8")).await.0, 200);
}

/// Regression: a path with encoded dots led to another namespace's entries of the PoP's cache.
#[tokio::test]
async fn encoded_dots_in_a_path_never_reach_another_video() {
    let stack = Stack::start(&[]).await;
    assert_eq!(put_video(&stack, &stack.other, "film/index.m3u8", media_playlist(&["theirs.ts"], true)).await.0, 201);
    assert_eq!(put_video(&stack, &stack.dev, "mine/index.m3u8", media_playlist(&["0.ts"], true)).await.0, 201);
    let theirs = playback_base(&stack, &stack.other, "film", "index.m3u8").await;
    assert_eq!(fetch_video(&stack, &format!("{theirs}index.m3u8")).await.0, 200, "it is known at this PoP now");
    let mine = playback_base(&stack, &stack.dev, "mine", "index.m3u8").await;
    let namespace = &stack.other.namespace;
    for dots in ["%252e%252e", "..%252f", "%2e%2e", "%252E%252E"] {
        for path in [
            format!("{dots}/{dots}/{namespace}/film/index.m3u8"),
            format!("{dots}/{dots}/{dots}/video/{namespace}/film/index.m3u8"),
            format!("{dots}/film/index.m3u8"),
        ] {
            let (status, _, body) = fetch_video(&stack, &format!("{mine}{path}")).await;
            assert!(matches!(status, 401 | 404), "{path}: {status} {}", String::from_utf8_lossy(&body));
        }
    }
    // A file stored under such a path replaces no other.
    let evil = media_playlist(&["evil.ts"], true);
    for target in [format!("mine/%252e%252e/%252e%252e/{namespace}/film/index.m3u8"), "mine/%252e%252e/index.m3u8".to_owned()] {
        assert_eq!(put_video(&stack, &stack.dev, &target, evil.clone()).await.0, 201);
        let path = target.strip_prefix("mine/").unwrap();
        assert_eq!(fetch_video(&stack, &format!("{mine}{path}")).await.2, evil.as_bytes(), "a strange name is a name");
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(String::from_utf8(fetch_video(&stack, &format!("{theirs}index.m3u8")).await.2).unwrap().contains("theirs.ts"));
}
