//! Videos: stored as trees, played through one token, kept warm, replaced at once, deleted with all their bytes.

use std::time::Duration;

use jettyspeed_client::{PushOptions, no_progress, push};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::stack::{Stack, answer, random_bytes, stack, unique};

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn put(stack: &Stack, account: &AccountAccess, target: &str, bytes: impl Into<Vec<u8>>) -> (u16, Value) {
    answer(stack.request(Method::PUT, &format!("/api/video/{target}"), account).body(bytes.into()).send().await.unwrap()).await
}

/// The URL of a file of the video, up to the token's slash.
async fn opened(stack: &Stack, account: &AccountAccess, video: &str, path: &str) -> String {
    let request = stack.request(Method::POST, &format!("/api/video/{video}/playback"), account).json(&json!({ "path": path }));
    let (status, body) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    let url = body["url"].as_str().unwrap();
    assert!(body["expiresAt"].is_string() && url.ends_with(path), "{body}");
    url.strip_suffix(path).unwrap().to_owned()
}

async fn got(stack: &Stack, url: &str) -> (u16, String, Vec<u8>) {
    let response = stack.http.get(url).send().await.unwrap();
    let (status, cache) = (response.status().as_u16(), header(&response, "cache-status"));
    (status, cache, response.bytes().await.unwrap().to_vec())
}

/// Whether it comes from the cache within a few seconds, without anybody having asked for it.
async fn warmed(stack: &Stack, key: &str) -> bool {
    for _ in 0..50 {
        if stack.proxy.seen(key).iter().any(|seen| seen.method == "GET") {
            tokio::time::sleep(Duration::from_millis(300)).await;
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

fn media(names: &[&str], end: bool) -> String {
    let segments: String = names.iter().map(|name| format!("#EXTINF:4.0,\n{name}\n")).collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}{}", if end { "#EXT-X-ENDLIST\n" } else { "" })
}

#[tokio::test]
async fn a_folder_goes_up_and_plays_through_one_token() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let segments: Vec<Vec<u8>> = (0..6).map(|_| random_bytes(120_000)).collect();
    std::fs::create_dir(folder.path().join("720p é")).unwrap();
    for (number, bytes) in segments.iter().enumerate() {
        std::fs::write(folder.path().join(format!("720p é/{number}.ts")), bytes).unwrap();
    }
    std::fs::write(folder.path().join("720p é/index.m3u8"), media(&["0.ts", "1.ts", "2.ts", "3.ts", "4.ts", "5.ts"], true)).unwrap();
    std::fs::write(folder.path().join("index.m3u8"), "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\n720p%20%C3%A9/index.m3u8\n").unwrap();
    std::fs::write(folder.path().join("k.key"), [7; 16]).unwrap();
    std::fs::write(folder.path().join("s.vtt"), "WEBVTT\n").unwrap();
    let edge = stack.edge(&stack.dev);
    let options = PushOptions { id: "tree".into(), ..PushOptions::default() };
    let pushed = push(&edge, folder.path(), &options, no_progress()).await.unwrap();
    assert_eq!((pushed.files, pushed.entry.as_deref()), (10, Some("index.m3u8")));
    assert!(stack.bucket.get("users/dev/v/tree/720p%20%C3%A9/0.ts").await.unwrap() == segments[0], "at the key that is promised");

    let url = opened(stack, &stack.dev, "tree", "index.m3u8").await;
    let master = stack.http.get(format!("{url}index.m3u8")).send().await.unwrap();
    assert_eq!((master.status().as_u16(), header(&master, "content-type").as_str()), (200, "application/vnd.apple.mpegurl"));
    assert_eq!((header(&master, "access-control-allow-origin").as_str(), header(&master, "accept-ranges").as_str()), ("*", "bytes"));
    assert_eq!(header(&master, "content-disposition"), "", "players do not save");
    let list = format!("{url}720p%20%C3%A9/");
    assert_eq!(got(stack, &format!("{list}index.m3u8")).await.0, 200);
    // The playlist has the first three warmed, the segments those after them.
    assert!(warmed(stack, "/v/tree/720p%20%C3%A9/2.ts").await);
    let mut hits = 0;
    for (number, bytes) in segments.iter().enumerate() {
        let (status, cache, body) = got(stack, &format!("{list}{number}.ts?CMCD=bl%3D21300%2Csid%3D%22x%22")).await;
        assert!(status == 200 && body == *bytes, "{number}: {status}");
        hits += usize::from(cache.starts_with("JettySpeed; hit"));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(hits, 6, "every segment was there before it was asked for");
    for (path, kind) in [("k.key", "application/pgp-keys"), ("s.vtt", "text/vtt"), ("720p%20%C3%A9/0.ts", "video/mp2t")] {
        let response = stack.http.get(format!("{url}{path}")).header("Range", "bytes=1-3").send().await.unwrap();
        assert_eq!(response.status(), 206, "{path}");
        assert!(path == "k.key" || header(&response, "content-type") == kind, "{path}: {response:?}");
        assert_eq!(response.bytes().await.unwrap().len(), 3);
    }
    // CORS on every status.
    for (target, status) in [(format!("{url}none.ts"), 404), (url.replacen("jtv1.", "jtv1.x", 1) + "index.m3u8", 401)] {
        let response = stack.http.get(&target).header("Origin", "https://player.example").send().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "access-control-allow-origin").as_str()), (status, "*"), "{target}");
    }
    let preflight =
        stack.http.request(Method::OPTIONS, format!("{url}k.key")).header("Access-Control-Request-Headers", "range").send().await.unwrap();
    assert_eq!((preflight.status().as_u16(), header(&preflight, "access-control-allow-headers").as_str()), (204, "range"));

    tokio::time::sleep(Duration::from_millis(4_000)).await;
    let stats = stack.request(Method::GET, &format!("/api/portal/namespaces/{}/stats", stack.dev.namespace), &stack.dev);
    let (status, body) = answer(stats.send().await.unwrap()).await;
    assert_eq!((status, &body["cmcd_requests"]), (200, &json!(6)), "{body}");
    assert!(body["hits"].as_u64().unwrap() >= 6 && body["bytes_from_cache"].as_u64().unwrap() >= 720_000, "{body}");
    assert!(body["cost_saved_usd"].as_f64().unwrap() > 0.0 && body["hit_rate"].as_f64().unwrap() > 0.0, "{body}");
}

#[tokio::test]
async fn a_replaced_playlist_shows_at_once_and_costs_what_it_is() {
    let stack = Stack::start(&[]).await;
    let account = stack.provisioned("live", "enterprise").await;
    let used = async || {
        let (_, body) = answer(stack.request(Method::GET, "/api/agentcache/quota", &account).send().await.unwrap()).await;
        (body["storage_used_bytes"].as_u64().unwrap(), body["storage_reserved_bytes"].as_u64().unwrap())
    };
    let first = media(&["0.ts"], false);
    let (status, body) = put(&stack, &account, "tv/index.m3u8", first.clone()).await;
    assert_eq!((status, &body["size"], &body["s3Key"]), (201, &json!(first.len()), &json!("users/live/v/tv/index.m3u8")));
    let url = opened(&stack, &account, "tv", "index.m3u8").await + "index.m3u8";
    let response = stack.http.get(&url).send().await.unwrap();
    assert_eq!(header(&response, "cache-control"), "private, max-age=2", "half a target duration");
    assert_eq!(response.text().await.unwrap(), first);
    for number in 1..4 {
        let next = media(&[&format!("{number}.ts"), "more.ts"], false);
        assert_eq!(put(&stack, &account, "tv/index.m3u8", next.clone()).await.0, 200);
        assert_eq!(got(&stack, &url).await.2, next.as_bytes(), "at once");
        assert_eq!(used().await, (next.len() as u64, 0), "the one before is not paid for any more");
    }
    let vod = media(&["0.ts"], true);
    assert_eq!(put(&stack, &account, "tv/index.m3u8", vod.clone()).await.0, 200);
    let response = stack.http.get(&url).send().await.unwrap();
    assert_eq!(header(&response, "cache-control"), "private, no-cache", "it may be replaced");
    // Two that replace it at once: one of them it is, and what is served is what the store has.
    for round in 0..5 {
        let (a, b) = (media(&[&format!("a{round}.ts")], true), media(&[&format!("bbb{round}.ts")], true));
        let answers = tokio::join!(put(&stack, &account, "tv/index.m3u8", a), put(&stack, &account, "tv/index.m3u8", b));
        assert_eq!((answers.0.0, answers.1.0), (200, 200));
        let at_store = stack.bucket.get("users/live/v/tv/index.m3u8").await.unwrap();
        let (status, _, body) = got(&stack, &url).await;
        assert_eq!((status, body), (200, at_store), "round {round}");
    }
    for bad in ["tv/a%2Fb.ts", "tv/a//b", "tv/a/"] {
        assert_eq!(put(&stack, &account, bad, "x").await.0, 404, "{bad}");
    }
    assert_eq!(put(&stack, &account, "t%20v/a.ts", "x").await.0, 422);
    assert_eq!(put(&stack, &account, "tv/page.m3u8", "<html>").await.0, 422);
}

#[tokio::test]
async fn a_deleted_video_stops_and_leaves_nothing() {
    let stack = Stack::start(&[]).await;
    let account = stack.provisioned("gone", "enterprise").await;
    for number in 0..120 {
        assert_eq!(put(&stack, &account, &format!("v1/s/{number}.ts"), vec![1; 100]).await.0, 201);
    }
    assert_eq!(put(&stack, &account, "v1/index.m3u8", media(&["s/0.ts"], true)).await.0, 201);
    assert_eq!(put(&stack, &account, "v2/index.m3u8", media(&["0.ts"], true)).await.0, 201);
    let url = opened(&stack, &account, "v1", "index.m3u8").await;
    assert_eq!(got(&stack, &format!("{url}s/7.ts")).await.0, 200);
    let edge = stack.edge(&account);
    edge.delete_video("v1", None).await.unwrap();
    for path in ["index.m3u8", "s/7.ts", "s/8.ts"] {
        assert_eq!(got(&stack, &format!("{url}{path}")).await.0, 404, "{path}");
    }
    assert_eq!(edge.delete_video("v1", None).await.unwrap_err().status(), Some(404));
    for _ in 0..200 {
        let (objects, _) = stack.bucket.of_user("gone").await;
        let (_, body) = answer(stack.request(Method::GET, "/api/agentcache/quota", &account).send().await.unwrap()).await;
        let left = media(&["0.ts"], true).len();
        if objects == ["users/gone/v/v2/index.m3u8"] && body["storage_used_bytes"] == json!(left) && body["storage_reserved_bytes"] == json!(0) {
            // And it can come again.
            assert_eq!(put(&stack, &account, "v1/index.m3u8", media(&["s/0.ts"], true)).await.0, 201);
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("bytes or bookings are left: {:?}", stack.bucket.of_user("gone").await);
}

#[tokio::test]
async fn videos_are_their_namespaces_and_a_namespace_may_switch_them_off() {
    let stack = Stack::start(&[]).await;
    assert_eq!(put(&stack, &stack.dev, "mine/index.m3u8", media(&["0.ts"], true)).await.0, 201);
    assert_eq!(put(&stack, &stack.other, "mine/index.m3u8", media(&["1.ts"], true)).await.0, 201, "the same id is another's video");
    let [mine, theirs] = [opened(&stack, &stack.dev, "mine", "index.m3u8").await, opened(&stack, &stack.other, "mine", "index.m3u8").await];
    for (url, name) in [(&mine, "0.ts"), (&theirs, "1.ts"), (&mine, "0.ts")] {
        assert!(String::from_utf8(got(&stack, &format!("{url}index.m3u8")).await.2).unwrap().contains(name));
    }
    let foreign = stack.request(Method::POST, "/api/video/mine/playback", &stack.other).header("X-Namespace", &stack.dev.namespace).json(&json!({}));
    assert_eq!(answer(foreign.send().await.unwrap()).await.0, 404);
    // A token of a file opens no video, nor the other way round.
    let asset = stack.stored(&stack.dev, vec![1; 10]).await;
    let file = stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    let token = |url: &str| url.split('/').nth(4).unwrap().to_owned();
    for crossed in [format!("/v/{}/index.m3u8", token(&file)), format!("/files/{}/index.m3u8", token(&mine))] {
        assert_eq!(answer(stack.anonymous(Method::GET, &crossed).send().await.unwrap()).await.0, 401, "{crossed}");
    }
    let off = json!({ "features": { "video_streaming": false } });
    let request = stack.operator(Method::PATCH, &format!("/api/portal/namespaces/{}", stack.dev.namespace)).json(&off);
    assert_eq!(answer(request.send().await.unwrap()).await.0, 200);
    assert_eq!(put(&stack, &stack.dev, "mine/0.ts", "x").await.0, 403);
    assert_eq!(got(&stack, &format!("{mine}index.m3u8")).await.0, 403);
    assert_eq!(got(&stack, &format!("{theirs}index.m3u8")).await.0, 200);
}

/// INCIDENT SCENARIO: a path with encoded dots led out of the caller's own entries of the PoP's cache, into another namespace's.
#[tokio::test]
async fn no_path_leads_into_another_video() {
    let stack = Stack::start(&[]).await;
    assert_eq!(put(&stack, &stack.other, "film/index.m3u8", media(&["theirs.ts"], true)).await.0, 201);
    assert_eq!(put(&stack, &stack.dev, "mine/index.m3u8", media(&["0.ts"], true)).await.0, 201);
    let theirs = opened(&stack, &stack.other, "film", "index.m3u8").await;
    assert_eq!(got(&stack, &format!("{theirs}index.m3u8")).await.0, 200, "it is known at this PoP now");
    let mine = opened(&stack, &stack.dev, "mine", "index.m3u8").await;
    let namespace = &stack.other.namespace;
    for dots in ["%252e%252e", "..%252f", "%2e%2e", "%252E%252E"] {
        for path in [
            format!("{dots}/{dots}/{namespace}/film/index.m3u8"),
            format!("{dots}/{dots}/{dots}/video/{namespace}/film/index.m3u8"),
            format!("{dots}/film/index.m3u8"),
        ] {
            let (status, _, body) = got(&stack, &format!("{mine}{path}")).await;
            assert!(matches!(status, 401 | 404), "{path}: {status} {}", String::from_utf8_lossy(&body));
        }
    }
    // Nor does anything that is stored under such a path take another's place.
    let evil = media(&["evil.ts"], true);
    for target in [format!("mine/%252e%252e/%252e%252e/{namespace}/film/index.m3u8"), "mine/%252e%252e/index.m3u8".to_owned()] {
        assert_eq!(put(&stack, &stack.dev, &target, evil.clone()).await.0, 201);
        let path = target.strip_prefix("mine/").unwrap();
        assert_eq!(got(&stack, &format!("{mine}{path}")).await.2, evil.as_bytes(), "a strange name is a name");
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(String::from_utf8(got(&stack, &format!("{theirs}index.m3u8")).await.2).unwrap().contains("theirs.ts"));
}

#[tokio::test]
async fn whoever_reads_while_it_is_replaced_gets_one_or_the_other() {
    let stack = Stack::start(&[]).await;
    let versions: Vec<String> = (0..25).map(|number| media(&[&format!("{number}.ts")], false)).collect();
    assert_eq!(put(&stack, &stack.dev, "tv/index.m3u8", versions[0].clone()).await.0, 201);
    let url = opened(&stack, &stack.dev, "tv", "index.m3u8").await + "index.m3u8";
    let done = std::sync::atomic::AtomicBool::new(false);
    let writing = async {
        for version in &versions[1..] {
            assert_eq!(put(&stack, &stack.dev, "tv/index.m3u8", version.clone()).await.0, 200);
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let reading = async || {
        let mut reads = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let (status, _, body) = got(&stack, &url).await;
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            assert!(versions.iter().any(|version| version.as_bytes() == body), "nothing in between");
            reads += 1;
        }
        reads
    };
    let ((), one, two) = tokio::join!(writing, reading(), reading());
    // Each may have waited for the writer to pause, as often as it could.
    assert!(one > 0 && two > 0, "{one} and {two} reads");
}

#[tokio::test]
async fn storing_and_deleting_at_once_loses_and_leaves_nothing() {
    let stack = Stack::start(&[]).await;
    // The store is shared with other stacks, which have users, too.
    let user = unique("video-racer-");
    let account = stack.provisioned(&user, "enterprise").await;
    let edge = stack.edge(&account);
    for round in 0..8_u8 {
        let bytes = |number: u8| vec![round * 10 + number; 1_000 + usize::from(number)];
        let puts = futures_util::future::join_all((0..4).map(|number| {
            let (stack, account) = (&stack, &account);
            async move { put(stack, account, &format!("v/{}.bin", number % 2), bytes(number)).await.0 }
        }));
        let (answers, _) = tokio::join!(puts, edge.delete_video("v", None));
        assert!(answers.iter().all(|status| matches!(status, 200 | 201 | 409)), "round {round}: {answers:?}");
    }
    assert_eq!(put(&stack, &account, "w/index.m3u8", media(&["0.ts"], true)).await.0, 201);
    // Once everything is quiet, store, ledger and what can be played are one.
    let mut last = String::new();
    for _ in 0..400 {
        let rows = stack
            .sql(&format!("SELECT s3_key, size, etag, doomed_at FROM video_files WHERE s3_key LIKE 'users/{user}/%' ORDER BY s3_key"))
            .await
            .remove(0);
        let (mut keys, _) = stack.bucket.of_user(&user).await;
        keys.sort();
        let (_, quota) = answer(stack.request(Method::GET, "/api/agentcache/quota", &account).send().await.unwrap()).await;
        let sum: u64 = rows.iter().map(|row| row["size"].as_u64().unwrap()).sum();
        let named: Vec<&str> = rows.iter().map(|row| row["s3_key"].as_str().unwrap()).collect();
        let quiet = rows.iter().all(|row| row["doomed_at"].is_null());
        if quiet && keys == named && quota["storage_used_bytes"] == json!(sum) && quota["storage_reserved_bytes"] == json!(0) {
            for row in &rows {
                let bytes = stack.bucket.get(row["s3_key"].as_str().unwrap()).await.unwrap();
                assert_eq!(bytes.len() as u64, row["size"].as_u64().unwrap(), "{row}");
            }
            return;
        }
        last = format!("rows {rows:?}, keys {keys:?}, quota {quota}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{last}");
}

/// Nobody knows how a write ended: the store's answer was lost, and it did not say what it has. A minute later a job asks again.
#[tokio::test]
async fn what_a_lost_write_left_is_found_and_brought_in_line() {
    let stack = Stack::start(&[]).await;
    let account = stack.provisioned(&unique("amends-"), "enterprise").await;
    let used = async || {
        let (_, body) = answer(stack.request(Method::GET, "/api/agentcache/quota", &account).send().await.unwrap()).await;
        (body["storage_used_bytes"].as_u64().unwrap(), body["storage_reserved_bytes"].as_u64().unwrap())
    };
    let key = |path: &str| format!("users/{}/v/film/{path}", account.user_id);
    let (first, second) = (random_bytes(3_000), random_bytes(4_000));
    assert_eq!(put(&stack, &account, "film/kept.ts", first.clone()).await.0, 201);
    let url = opened(&stack, &account, "film", "kept.ts").await;
    stack.proxy.inject(|method, target| match method.as_str() {
        "PUT" if target.contains("/v/film/") => Some(Fault::LoseAnswer),
        "HEAD" => Some(Fault::Answer(503, "SlowDown")),
        _ => None,
    });
    let (status, body) = put(&stack, &account, "film/kept.ts", second.clone()).await;
    assert!(status >= 500, "{body}");
    let (status, body) = put(&stack, &account, "film/new.ts", first.clone()).await;
    assert!(status >= 500, "{body}");
    stack.proxy.heal();
    assert!(stack.bucket.get(&key("new.ts")).await.unwrap() == first, "it is there, and no row names it");
    assert_eq!(used().await, (3_000, 7_000), "until it is known how they ended");
    let started = std::time::Instant::now();
    while stack.bucket.get(&key("new.ts")).await.is_some() || used().await != (4_000, 0) {
        assert!(started.elapsed() < Duration::from_secs(200), "nobody looked: {:?}", used().await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // What was replaced at the store is replaced here, with its price; what had no row is gone, and nothing is in its way.
    let (status, _, body) = got(&stack, &format!("{url}kept.ts")).await;
    assert!(status == 200 && body == second, "{status}");
    assert_eq!(put(&stack, &account, "film/new.ts", second.clone()).await.0, 201);
    let (status, _, body) = got(&stack, &format!("{url}new.ts")).await;
    assert!(status == 200 && body == second, "{status}");
    let delete = stack.request(Method::DELETE, "/api/video/film", &account);
    assert_eq!(delete.send().await.unwrap().status(), 204);
    while used().await != (0, 0) {
        assert!(started.elapsed() < Duration::from_secs(230), "it is still charged: {:?}", used().await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(stack.sql("SELECT COUNT(*) AS n FROM video_files").await[0][0]["n"], 0);
}
