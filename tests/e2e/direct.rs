//! Parts that go straight to the store, and records that are lost: what clients say is held against the store, what this service said against its receipts.

use std::time::{Duration, UNIX_EPOCH};

use jettyspeed_client::{Event, UploadOptions, upload};
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::units::EpochMs;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Stack, answer, random_bytes, random_file, sha256, stack, unique};

const CHUNK: usize = 10_000_000;

async fn post(stack: &Stack, account: &AccountAccess, path: &str, body: Value) -> (u16, Value) {
    answer(stack.request(Method::POST, path, account).json(&body).send().await.unwrap()).await
}

async fn urls(stack: &Stack, account: &AccountAccess, session: &Value, parts: Value) -> Vec<Value> {
    let (status, body) = post(stack, account, "/api/jetty/chunk-urls", json!({ "sessionId": session, "parts": parts })).await;
    assert_eq!(status, 200, "{body}");
    body["urls"].as_array().unwrap().clone()
}

/// PUTs `bytes` as the answer of `chunk-urls` says: status, ETag.
async fn put(stack: &Stack, url: &Value, bytes: &[u8]) -> (u16, String) {
    let headers = url["headers"].as_object().unwrap().iter();
    let request = headers.fold(stack.http.put(url["url"].as_str().unwrap()), |request, (name, value)| request.header(name, value.as_str().unwrap()));
    let response = request.body(bytes.to_vec()).send().await.unwrap();
    let etag = response.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status().as_u16(), etag)
}

fn part(number: u32, bytes: &[u8]) -> Value {
    json!({ "partNumber": number, "sha256": sha256(bytes) })
}

fn said(session: &Value, number: u32, etag: &str, bytes: &[u8]) -> Value {
    json!({ "sessionId": session, "partNumber": number, "etag": etag, "size": bytes.len(), "sha256": sha256(bytes) })
}

#[tokio::test]
async fn parts_go_straight_to_the_store_and_count_once_it_lists_them() {
    let stack = stack().await;
    let bytes = random_bytes(2 * CHUNK + 70_000);
    let pieces: Vec<&[u8]> = bytes.chunks(CHUNK).collect();
    let started = stack.started(&stack.dev, bytes.len()).await;
    let session = &started["sessionId"];
    let wanted: Vec<Value> = (1..).zip(&pieces).map(|(number, piece)| part(number, piece)).collect();
    let urls = urls(stack, &stack.dev, session, json!(wanted)).await;
    assert_eq!(urls.iter().map(|url| url["partNumber"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    let expires = EpochMs::parse(urls[0]["expiresAt"].as_str().unwrap()).unwrap();
    let left = expires.0 - u64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    assert!((3_000_000..=3_600_000).contains(&left), "{left}");

    // The URL is good for these bytes only, under this number only.
    let mut other = pieces[2].to_vec();
    other[5] ^= 1;
    assert_eq!(put(stack, &urls[2], &other).await.0, 400, "other bytes");
    let mut shorter = urls[2].clone();
    shorter["headers"]["content-length"] = json!((pieces[2].len() - 1).to_string());
    assert_eq!(put(stack, &shorter, &other[1..]).await.0, 403, "another length");
    let mut elsewhere = urls[2].clone();
    elsewhere["url"] = json!(urls[2]["url"].as_str().unwrap().replace("partNumber=3", "partNumber=2"));
    assert_eq!(put(stack, &elsewhere, pieces[2]).await.0, 403, "another part");
    let mut unbound = urls[2].clone();
    unbound["headers"]["x-amz-content-sha256"] = json!("UNSIGNED-PAYLOAD");
    assert_eq!(put(stack, &unbound, &other).await.0, 403, "without the hash");

    // Two straight to the store, one as always.
    let mut etags = Vec::new();
    for index in [0, 2] {
        let (status, etag) = put(stack, &urls[index], pieces[index]).await;
        assert_eq!(status, 200);
        etags.push(etag);
    }
    assert_eq!(answer(stack.chunk(&started, 2, pieces[1]).send().await.unwrap()).await.0, 200);
    let complete = json!({ "action": "complete", "sessionId": session });
    let (status, body) = stack.track(&stack.dev, complete.clone()).await;
    assert_eq!((status, &body["missing"]), (409, &json!([1, 3])), "nobody has said anything of them");
    let (status, told) = post(stack, &stack.dev, "/api/jetty/cache-chunk", said(session, 1, &etags[0], pieces[0])).await;
    assert_eq!(
        (status, &told["partNumber"], &told["sha256"], &told["edge"]),
        (200, &json!(1), &json!(sha256(pieces[0])), &json!("origin")),
        "{told}"
    );
    // The token is proof enough.
    let token = started["uploadToken"].as_str().unwrap();
    let by_token = stack.anonymous(Method::POST, "/api/jetty/cache-chunk").header("X-Upload-Token", token);
    assert_eq!(answer(by_token.json(&said(session, 3, &etags[1], pieces[2])).send().await.unwrap()).await.0, 200);
    let state = stack.state(&stack.dev, session.as_str().unwrap()).await;
    assert_eq!((&state["missing"], &state["status"]), (&json!([]), &json!("uploading")), "{state}");
    let recorded = &state["completed"][0];
    assert_eq!((&recorded["partNumber"], &recorded["sha256"], &recorded["edge"]), (&json!(1), &json!(sha256(pieces[0])), &json!("origin")));
    assert!(etags[0].contains(recorded["etag"].as_str().unwrap()));

    let (status, done) = stack.track(&stack.dev, complete).await;
    assert_eq!((status, &done["bytesSent"]), (200, &json!(bytes.len())), "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    let upload_id = started["uploadId"].as_str().unwrap();
    let listings = stack.proxy.seen(upload_id).into_iter().filter(|seen| seen.method == "GET").count();
    assert_eq!(listings, 1, "the store is asked once, for all of them");
}

#[tokio::test]
async fn whoever_claims_what_the_store_does_not_have_completes_nothing() {
    let stack = stack().await;
    let account = &stack.unsigned;
    let size = 5 * 1024 * 1024;
    let bytes = random_bytes(2 * size);
    let (first, second) = bytes.split_at(size);
    let started = stack.started(account, bytes.len()).await;
    let session = &started["sessionId"];
    let (status, sent) = answer(stack.chunk(&started, 1, first).send().await.unwrap()).await;
    assert_eq!(status, 200);
    // Never sent.
    let invented = said(session, 2, "\"0123456789abcdef0123456789abcdef\"", second);
    assert_eq!(post(stack, account, "/api/jetty/cache-chunk", invented).await.0, 200);
    assert_eq!(stack.state(account, session.as_str().unwrap()).await["missing"], json!([]));
    let complete = json!({ "action": "complete", "sessionId": session });
    let (status, body) = stack.track(account, complete.clone()).await;
    assert_eq!((status, &body["missing"]), (409, &json!([2])), "{body}");

    // Sent, but of other bytes than claimed: the file is what was sent, and nobody gets those bytes by the claimed hash.
    let coveted = random_bytes(size);
    let url = urls(stack, account, session, json!([part(2, second)])).await.remove(0);
    let (status, etag) = put(stack, &url, second).await;
    assert_eq!(status, 200);
    let lie = json!({ "sessionId": session, "partNumber": 2, "etag": etag, "size": size, "sha256": sha256(&coveted) });
    assert_eq!(post(stack, account, "/api/jetty/cache-chunk", lie).await.0, 200);
    let (status, done) = stack.track(account, complete).await;
    assert_eq!(status, 200, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    let hashes = json!([sha256(first), sha256(&coveted)]);
    let start = json!({ "action": "start", "fileName": "v", "fileSize": bytes.len(), "chunkSize": size, "chunkHashes": hashes });
    let (status, again) = stack.track(account, start).await;
    assert_eq!((status, &again["missingParts"]), (201, &json!([1, 2])), "nothing of an upload that went past us is anybody's by its hash");

    let receipt = |change: &[(&str, Value)]| {
        let mut body = json!({
            "sessionId": again["sessionId"], "partNumber": sent["partNumber"], "etag": sent["etag"], "size": sent["size"], "sha256": sent["sha256"],
            "receipt": sent["receipt"],
        });
        for (name, value) in change {
            body[name] = value.clone();
        }
        post(stack, account, "/api/jetty/cache-chunk", body)
    };
    for (change, field) in [
        (vec![], "receipt"),
        (vec![("receipt", json!("jtr1.AAAA"))], "receipt"),
        (vec![("receipt", Value::Null), ("etag", json!(""))], "etag"),
        (vec![("size", json!(size - 1))], "size"),
        (vec![("sha256", json!("xyz"))], "sha256"),
    ] {
        let (status, body) = receipt(&change).await;
        assert_eq!((status, &body["field"]), (422, &json!(field)), "{body}");
    }
    assert_eq!(receipt(&[("partNumber", json!(3))]).await.1["code"], "part-outside-plan");
}

#[tokio::test]
async fn urls_and_records_are_for_open_uploads_of_ones_own() {
    let stack = stack().await;
    let account = stack.provisioned(&unique("direct-"), "pro").await;
    let started = stack.started(&account, 25_000_000).await;
    let other = stack.started(&account, 25_000_000).await;
    let session = &started["sessionId"];
    let bytes = random_bytes(CHUNK);
    let issued = urls(stack, &account, session, json!([part(1, &bytes)])).await.remove(0);
    let bodies = [
        ("/api/jetty/chunk-urls", json!({ "sessionId": session, "parts": [part(1, b"x")] })),
        ("/api/jetty/cache-chunk", json!({ "sessionId": session, "partNumber": 1, "etag": "e", "size": CHUNK })),
    ];
    for (path, body) in &bodies {
        let with_other_token = stack.anonymous(Method::POST, path).header("X-Upload-Token", other["uploadToken"].as_str().unwrap()).json(body);
        let (status, body_) = answer(with_other_token.send().await.unwrap()).await;
        assert_eq!((status, &body_["code"]), (401, &json!("token-of-another-upload")));
        assert_eq!(post(stack, &stack.other, path, body.clone()).await.0, 404);
    }
    for parts in [json!([part(4, b"x")]), json!([part(0, b"x")])] {
        let (status, body) = post(stack, &account, "/api/jetty/chunk-urls", json!({ "sessionId": session, "parts": parts })).await;
        assert_eq!((status, &body["code"], &body["limit"]), (422, &json!("part-outside-plan"), &json!(3)), "{body}");
    }
    let (status, body) = post(stack, &account, "/api/jetty/chunk-urls", json!({ "sessionId": session, "parts": [{ "partNumber": 1 }] })).await;
    assert_eq!((status, &body["code"]), (422, &json!("chunk-hash-required")));
    assert_eq!(stack.tell("/api/agentcache/suspend", json!({ "agentcache_user_id": account.user_id })).await.0, 200);
    for (path, body) in &bodies {
        assert_eq!(post(stack, &account, path, body.clone()).await.1["code"], "account-suspended");
        let by_token = stack.anonymous(Method::POST, path).header("X-Upload-Token", started["uploadToken"].as_str().unwrap()).json(body);
        assert_eq!(answer(by_token.send().await.unwrap()).await.1["code"], "account-suspended");
    }
    assert_eq!(stack.tell("/api/agentcache/resume", json!({ "agentcache_user_id": account.user_id })).await.0, 200);
    assert_eq!(stack.track(&account, json!({ "action": "fail", "sessionId": session })).await.0, 200);
    assert_eq!(put(stack, &issued, &bytes).await.0, 404, "nor does the store take what was allowed before");
    for (path, body) in &bodies {
        let (status, body) = post(stack, &account, path, body.clone()).await;
        assert_eq!((status, &body["code"], &body["uploadStatus"]), (410, &json!("upload-closed"), &json!("failed")), "{body}");
    }
}

/// Takes the records of all uploads away, as if the platform had lost them.
async fn lose_records(stack: &Stack) {
    let mut worker = stack.worker.lock().await;
    worker.kill();
    let folder = worker.setup().state.join("v3/do/jettyspeed-edge-UploadSession");
    assert!(std::fs::read_dir(&folder).unwrap().count() > 0);
    std::fs::remove_dir_all(folder).unwrap();
    worker.restart().await.unwrap();
}

#[tokio::test]
async fn a_lost_record_is_rebuilt_from_receipts_and_from_the_store() {
    let stack = Stack::start(&[]).await;
    let account = &stack.unsigned;
    let size = 5 * 1024 * 1024;
    let bytes = random_bytes(4 * size);
    let hashes: Vec<String> = bytes.chunks(size).map(sha256).collect();
    let started = stack.started(account, bytes.len()).await;
    let failed = stack.started(account, bytes.len()).await;
    let session = &started["sessionId"];
    let mut receipts = Vec::new();
    for (number, piece) in (1..).zip(bytes.chunks(size)).take(3) {
        let (status, sent) = answer(stack.chunk(&started, number, piece).send().await.unwrap()).await;
        assert_eq!(status, 200);
        receipts.push(sent);
    }
    assert_eq!(stack.track(account, json!({ "action": "fail", "sessionId": failed["sessionId"] })).await.0, 200);
    lose_records(&stack).await;

    // A chunk finds its upload again; what else is there is found at the store, whose hashes nobody knows any more.
    let (status, _) = answer(stack.chunk(&started, 4, &bytes[3 * size..]).send().await.unwrap()).await;
    assert_eq!(status, 200);
    let state = stack.state(account, session.as_str().unwrap()).await;
    let known = |state: &Value| state["completed"].as_array().unwrap().iter().map(|part| part["sha256"].is_string()).collect::<Vec<_>>();
    assert_eq!((&state["missing"], known(&state)), (&json!([]), vec![false, false, false, true]), "{state}");
    let complete = json!({ "action": "complete", "sessionId": session, "chunkHashes": hashes });
    let (status, body) = stack.track(account, complete.clone()).await;
    assert_eq!((status, &body["code"], &body["parts"]), (409, &json!("parts-differ"), &json!([1, 2, 3])), "{body}");
    for sent in &receipts {
        let mut body = sent.clone();
        body["sessionId"] = session.clone();
        let (status, body) = post(&stack, account, "/api/jetty/cache-chunk", body).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(known(&stack.state(account, session.as_str().unwrap()).await), [true; 4]);
    let (status, done) = stack.track(account, complete).await;
    assert_eq!(status, 200, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    // A receipt tells what was there when it was given: enough for its owner, not for others.
    let start = json!({ "action": "start", "fileName": "v", "fileSize": 2 * size, "chunkSize": size, "chunkHashes": hashes[..2] });
    assert_eq!(stack.track(account, start).await.1["missingParts"], json!([1, 2]));
    // What was over stays over.
    let path = format!("/api/jetty/cache-chunk?sessionId={}", failed["sessionId"].as_str().unwrap());
    assert_eq!(answer(stack.request(Method::GET, &path, account).send().await.unwrap()).await.0, 404);
    assert_eq!(answer(stack.chunk(&failed, 1, &bytes[..size]).send().await.unwrap()).await.0, 410);
}

/// Nobody asks for it any more, and its alarm is lost with it: the daily run wakes it, and it ends by time like any other.
#[tokio::test]
async fn a_lost_record_that_nobody_asks_for_holds_nothing_for_ever() {
    let stack = Stack::start(&[("SESSION_TTL_SECONDS", "6")]).await;
    let account = stack.provisioned("oblivion", "pro").await;
    let started = stack.started(&account, 5_000).await;
    assert_eq!(answer(stack.chunk(&started, 1, &random_bytes(5_000)).send().await.unwrap()).await.0, 200);
    lose_records(&stack).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let quota = || async { stack.edge(&account).quota().await.unwrap().storage_reserved_bytes };
    assert_eq!(quota().await, 5_000);
    crate::sweep::daily(&stack).await;
    for _ in 0..120 {
        if quota().await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!((quota().await, stack.bucket.of_user("oblivion").await), (0, (vec![], vec![])));
}

#[tokio::test]
async fn the_client_reminds_a_server_that_forgot() {
    let stack = Stack::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = random_file(folder.path(), "forgotten.bin", 40_000_000);
    let (edge, sent) = (stack.edge(&stack.dev), std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0)));
    let counter = std::sync::Arc::clone(&sent);
    let progress: jettyspeed_client::Progress = std::sync::Arc::new(move |event| {
        if let Event::Moved(bytes) = event {
            counter.fetch_add(bytes, std::sync::atomic::Ordering::SeqCst);
        }
    });
    let options = UploadOptions { threads: Some(1), ..UploadOptions::default() };
    let running = tokio::spawn(async move { upload(&edge, &path, &options, progress).await });
    while sent.load(std::sync::atomic::Ordering::SeqCst) < 22_000_000 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    lose_records(&stack).await;
    let done = running.await.unwrap().unwrap();
    assert!(stack.bucket.get(&done.asset.s3_key).await.unwrap() == bytes);
    let stored = stack.proxy.seen("partNumber=1&").into_iter().filter(|seen| seen.status == 200).count();
    assert_eq!(stored, 1, "part 1 was confirmed before: it is not sent again");
}
