//! Parts that go straight to the store by presigned URL: what the client records of them is checked against the store's listing.

use reqwest::Method;
use serde_json::{Value, json};
use std::time::UNIX_EPOCH;

use crate::harness::{Call, Stack, random_bytes, sha256, stack, unique};
use jettyspeed_devstack::state::AccountAccess;
use jettyspeed_edge::base::time::EpochMs;

const CHUNK: usize = 10_000_000;

async fn part_urls(stack: &Stack, account: &AccountAccess, session: &Value, parts: Value) -> Vec<Value> {
    let (status, body) = stack.post(account, "/api/jetty/chunk-urls", json!({ "sessionId": session, "parts": parts })).await;
    assert_eq!(status, 200, "{body}");
    body["urls"].as_array().unwrap().clone()
}

/// PUTs `bytes` to an URL of `chunk-urls` with its headers: status and ETag.
async fn put_part(stack: &Stack, url: &Value, bytes: &[u8]) -> (u16, String) {
    let headers = url["headers"].as_object().unwrap().iter();
    let request = headers.fold(stack.http.put(url["url"].as_str().unwrap()), |request, (name, value)| request.header(name, value.as_str().unwrap()));
    let response = request.body(bytes.to_vec()).sent().await.unwrap();
    let etag = response.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status().as_u16(), etag)
}

fn part(number: u32, bytes: &[u8]) -> Value {
    json!({ "partNumber": number, "sha256": sha256(bytes) })
}

fn part_record(session: &Value, number: u32, etag: &str, bytes: &[u8]) -> Value {
    json!({ "sessionId": session, "partNumber": number, "etag": etag, "size": bytes.len(), "sha256": sha256(bytes) })
}

#[tokio::test]
async fn presigned_parts_complete_once_recorded_and_listed_by_the_store() {
    let stack = stack().await;
    let bytes = random_bytes(2 * CHUNK + 70_000);
    let pieces: Vec<&[u8]> = bytes.chunks(CHUNK).collect();
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    let session = &started["sessionId"];
    let wanted: Vec<Value> = (1..).zip(&pieces).map(|(number, piece)| part(number, piece)).collect();
    let urls = part_urls(stack, &stack.dev, session, json!(wanted)).await;
    assert_eq!(urls.iter().map(|url| url["partNumber"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    let expires = EpochMs::parse(urls[0]["expiresAt"].as_str().unwrap()).unwrap();
    let left = expires.0 - u64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    assert!((3_000_000..=3_600_000).contains(&left), "{left}");

    // The URL is valid for these bytes and this part number only.
    let mut other = pieces[2].to_vec();
    other[5] ^= 1;
    assert_eq!(put_part(stack, &urls[2], &other).await.0, 400, "other bytes");
    let mut shorter = urls[2].clone();
    shorter["headers"]["content-length"] = json!((pieces[2].len() - 1).to_string());
    assert_eq!(put_part(stack, &shorter, &other[1..]).await.0, 403, "another length");
    let mut elsewhere = urls[2].clone();
    elsewhere["url"] = json!(urls[2]["url"].as_str().unwrap().replace("partNumber=3", "partNumber=2"));
    assert_eq!(put_part(stack, &elsewhere, pieces[2]).await.0, 403, "another part");
    let mut unbound = urls[2].clone();
    unbound["headers"]["x-amz-content-sha256"] = json!("UNSIGNED-PAYLOAD");
    assert_eq!(put_part(stack, &unbound, &other).await.0, 403, "without the hash");

    // Two parts straight to the store, one through the Worker.
    let mut etags = Vec::new();
    for index in [0, 2] {
        let (status, etag) = put_part(stack, &urls[index], pieces[index]).await;
        assert_eq!(status, 200);
        etags.push(etag);
    }
    assert_eq!(stack.chunk(&started, 2, pieces[1]).answer().await.0, 200);
    let complete = json!({ "action": "complete", "sessionId": session });
    let (status, body) = stack.track(&stack.dev, complete.clone()).await;
    assert_eq!((status, &body["missing"]), (409, &json!([1, 3])), "nobody has said anything of them");
    let (status, told) = stack.post(&stack.dev, "/api/jetty/cache-chunk", part_record(session, 1, &etags[0], pieces[0])).await;
    assert_eq!(
        (status, &told["partNumber"], &told["sha256"], &told["edge"]),
        (200, &json!(1), &json!(sha256(pieces[0])), &json!("origin")),
        "{told}"
    );
    // The upload token suffices.
    let token = started["uploadToken"].as_str().unwrap();
    let by_token = stack.anonymous(Method::POST, "/api/jetty/cache-chunk").header("X-Upload-Token", token);
    assert_eq!(by_token.json(&part_record(session, 3, &etags[1], pieces[2])).answer().await.0, 200);
    let state = stack.session_state(&stack.dev, session.as_str().unwrap()).await;
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
async fn recorded_part_absent_at_the_store_returns_409_missing() {
    let stack = stack().await;
    let account = &stack.unsigned;
    let size = 5 * 1024 * 1024;
    let bytes = random_bytes(2 * size);
    let (first, second) = bytes.split_at(size);
    let started = stack.session(account).size(bytes.len()).start().await;
    let session = &started["sessionId"];
    let (status, sent) = stack.chunk(&started, 1, first).answer().await;
    assert_eq!(status, 200);
    // Never sent.
    let invented = part_record(session, 2, "\"0123456789abcdef0123456789abcdef\"", second);
    assert_eq!(stack.post(account, "/api/jetty/cache-chunk", invented).await.0, 200);
    assert_eq!(stack.session_state(account, session.as_str().unwrap()).await["missing"], json!([]));
    let complete = json!({ "action": "complete", "sessionId": session });
    let (status, body) = stack.track(account, complete.clone()).await;
    assert_eq!((status, &body["missing"]), (409, &json!([2])), "{body}");

    // Sent with other bytes than claimed: the file is what was sent, and the claimed hash matches nothing.
    let coveted = random_bytes(size);
    let url = part_urls(stack, account, session, json!([part(2, second)])).await.remove(0);
    let (status, etag) = put_part(stack, &url, second).await;
    assert_eq!(status, 200);
    let lie = json!({ "sessionId": session, "partNumber": 2, "etag": etag, "size": size, "sha256": sha256(&coveted) });
    assert_eq!(stack.post(account, "/api/jetty/cache-chunk", lie).await.0, 200);
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
        stack.post(account, "/api/jetty/cache-chunk", body)
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
async fn part_urls_and_records_require_an_open_session_of_the_account() {
    let stack = stack().await;
    let account = stack.account(&unique("direct-")).tier("pro").create().await;
    let started = stack.session(&account).size(25_000_000).start().await;
    let other = stack.session(&account).size(25_000_000).start().await;
    let session = &started["sessionId"];
    let bytes = random_bytes(CHUNK);
    let issued = part_urls(stack, &account, session, json!([part(1, &bytes)])).await.remove(0);
    let bodies = [
        ("/api/jetty/chunk-urls", json!({ "sessionId": session, "parts": [part(1, b"x")] })),
        ("/api/jetty/cache-chunk", json!({ "sessionId": session, "partNumber": 1, "etag": "e", "size": CHUNK })),
    ];
    for (path, body) in &bodies {
        let with_other_token = stack.anonymous(Method::POST, path).header("X-Upload-Token", other["uploadToken"].as_str().unwrap()).json(body);
        let (status, body_) = with_other_token.answer().await;
        assert_eq!((status, &body_["code"]), (401, &json!("token-of-another-upload")));
        assert_eq!(stack.post(&stack.other, path, body.clone()).await.0, 404);
    }
    for parts in [json!([part(4, b"x")]), json!([part(0, b"x")])] {
        let (status, body) = stack.post(&account, "/api/jetty/chunk-urls", json!({ "sessionId": session, "parts": parts })).await;
        assert_eq!((status, &body["code"], &body["limit"]), (422, &json!("part-outside-plan"), &json!(3)), "{body}");
    }
    let (status, body) = stack.post(&account, "/api/jetty/chunk-urls", json!({ "sessionId": session, "parts": [{ "partNumber": 1 }] })).await;
    assert_eq!((status, &body["code"]), (422, &json!("chunk-hash-required")));
    assert_eq!(stack.webhook("/api/agentcache/suspend", json!({ "agentcache_user_id": account.user_id })).await.0, 200);
    for (path, body) in &bodies {
        assert_eq!(stack.post(&account, path, body.clone()).await.1["code"], "account-suspended");
        let by_token = stack.anonymous(Method::POST, path).header("X-Upload-Token", started["uploadToken"].as_str().unwrap()).json(body);
        assert_eq!(by_token.answer().await.1["code"], "account-suspended");
    }
    assert_eq!(stack.webhook("/api/agentcache/resume", json!({ "agentcache_user_id": account.user_id })).await.0, 200);
    assert_eq!(stack.track(&account, json!({ "action": "fail", "sessionId": session })).await.0, 200);
    assert_eq!(put_part(stack, &issued, &bytes).await.0, 404, "nor does the store take what was allowed before");
    for (path, body) in &bodies {
        let (status, body) = stack.post(&account, path, body.clone()).await;
        assert_eq!((status, &body["code"], &body["uploadStatus"]), (410, &json!("upload-closed"), &json!("failed")), "{body}");
    }
}
