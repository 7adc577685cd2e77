//! A file's whole life in a dialect: parts, listing, completion, verification, download, ranges, copying, videos, deletion.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, FILES, Stack, action, fetch, header, random_bytes, sha256, unique};
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;

/// The account's chunks.
const CHUNK: usize = 5 * 1024 * 1024;

/// Dialects in which everything is said, only otherwise: nothing may fail.
const HARMLESS: &[&str] = &[
    "no-length-head",
    "head-for-browsers",
    "weak-etag-head",
    "weak-etag-everywhere",
    "other-weak-etag-head",
    "other-weak-etag-get",
    "no-etag-put",
    "no-etag-head",
    "weak-etag-quoted-twice",
    "no-etag-get",
    "etags-in-cdata",
    "booleans-capitalised",
    "booleans-upper-case",
    "booleans-as-digits",
    "other-roots",
    "prefixed-elements",
    "byte-order-mark",
    "empty-completion",
    "total-unknown",
    "chunked-get",
    "chunked-everywhere",
    "gzip-whole",
    "drip",
];

async fn account_of_5_mib_chunks(stack: &Stack) -> AccountAccess {
    let account = stack.account(&unique("dialect")).tier("enterprise").create().await;
    let path = format!("/api/portal/namespaces/{}", account.namespace);
    let (status, body) = stack.operator(Method::PATCH, &path).json(&json!({ "chunk_size": CHUNK })).answer().await;
    assert_eq!(status, 200, "{body}");
    account
}

/// Downloads the asset whole, its last bytes, and a span across two slices.
async fn assert_delivered(stack: &Stack, account: &AccountAccess, asset: &Value, bytes: &[u8], what: &str) {
    let url = stack.edge(account).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    let (status, cache, body) = fetch(stack.http.get(&url)).await;
    assert!(status == 200 && body.as_deref() == Some(bytes), "{what}: {status} {cache}");
    if bytes.len() > CHUNK {
        for (first, last) in [(CHUNK - 10, CHUNK + 10), (bytes.len() - 5, bytes.len() - 1), (7, 7)] {
            let (status, cache, body) = fetch(stack.http.get(&url).header("Range", format!("bytes={first}-{last}"))).await;
            assert!(status == 206 && body.as_deref() == bytes.get(first..=last), "{what} {first}-{last}: {status} {cache}");
        }
    }
    let response = stack.http.head(&url).sent().await.unwrap();
    assert_eq!(header(&response, "content-length"), bytes.len().to_string(), "{what}");
    assert!(header(&response, "etag").len() > 2, "{what}: {}", header(&response, "etag"));
}

#[tokio::test]
async fn file_lives_its_whole_life_in_every_harmless_dialect() {
    let stack = Stack::start(&[]).await;
    for dialect in HARMLESS {
        stack.proxy.speak(&[dialect]);
        let account = account_of_5_mib_chunks(&stack).await;
        for lost in [false, true] {
            let what = format!("{dialect}, answer of the completion {}", if lost { "lost" } else { "heard" });
            let bytes = random_bytes(2 * CHUNK + 1_000);
            let started = stack.session(&account).size(bytes.len()).hash(&sha256(&bytes)).start().await;
            stack.send_all_parts(&started, &bytes).await;
            let id = started["sessionId"].as_str().unwrap();
            let (status, state) = stack.get(&account, &format!("/api/jetty/cache-chunk?sessionId={id}&reconcile=1")).await;
            assert_eq!((status, &state["missing"], &state["percent"]), (200, &json!([]), &json!(100.0)), "{what}: {state}");
            assert!(state["completed"].as_array().unwrap().iter().all(|part| part["sha256"].is_string()), "{what}: {state}");
            if lost {
                let mut left = 1;
                stack.proxy.inject(move |method, target| {
                    let hit = left > 0 && method == Method::POST && target.contains("uploadId=");
                    hit.then(|| left -= 1).map(|()| Fault::LoseAnswer)
                });
            }
            let (status, done) = stack.track(&account, action("complete", &started)).await;
            stack.proxy.clear_faults();
            assert_eq!(status, 200, "{what}: {done}");
            assert_delivered(&stack, &account, &done["asset"], &bytes, &what).await;
            let verified = stack.verified(&account, done["asset"]["id"].as_str().unwrap()).await;
            assert_eq!(verified["verification"], "verified", "{what}");
            let (keys, open) = stack.bucket.objects_and_uploads_of(&account.user_id).await;
            assert_eq!((keys.len(), open.len()), (1, 0), "{what}: {keys:?} {open:?}");
            stack.delete(&account, &done["asset"]).await;
            stack.bucket.wait_until_deleted(done["asset"]["s3Key"].as_str().unwrap()).await;
        }
        let bytes = random_bytes(70_000);
        let asset = stack.asset(&account).bytes(bytes.clone()).store().await;
        assert_delivered(&stack, &account, &asset, &bytes, dialect).await;
        let put = stack.request(Method::PUT, "/api/video/film/a/seg.ts", &account).body(bytes.clone());
        assert_eq!(put.answer().await.0, 201, "{dialect}");
        let (status, playback) = stack.post(&account, "/api/video/film/playback", json!({ "path": "a/seg.ts" })).await;
        assert_eq!(status, 200, "{dialect}: {playback}");
        let (status, cache, body) = fetch(stack.http.get(playback["url"].as_str().unwrap())).await;
        assert!(status == 200 && body == Some(bytes), "{dialect}: {status} {cache}");
    }
}

/// Parts of a stored file are copied at the store, in a store that quotes weakly, answers with another root, or in chunks.
#[tokio::test]
async fn stored_chunks_are_copied_in_every_dialect_of_the_copy() {
    let stack = Stack::start(&[]).await;
    assert_eq!(stack.operator(Method::GET, "/api/health?deep=1").answer().await.1["payloadHashEnforced"], true);
    for dialect in ["weak-etag-quoted-twice", "other-roots", "prefixed-elements", "chunked-everywhere", "etags-in-cdata"] {
        let account = account_of_5_mib_chunks(&stack).await;
        let bytes = random_bytes(2 * CHUNK);
        let started = stack.session(&account).size(bytes.len()).start().await;
        stack.send_all_parts(&started, &bytes).await;
        assert_eq!(stack.track(&account, action("complete", &started)).await.0, 200);
        stack.proxy.speak(&[dialect]);
        let hashes: Vec<String> = bytes.chunks(CHUNK).map(sha256).collect();
        let start = json!({ "action": "start", "fileName": "copy", "fileSize": bytes.len(), "chunkSize": CHUNK, "chunkHashes": hashes });
        let (status, started) = stack.track(&account, start).await;
        assert_eq!((status, &started["missingParts"]), (201, &json!([])), "{dialect}: {started}");
        let (status, done) = stack.track(&account, action("complete", &started)).await;
        assert_eq!((status, &done["bytesSaved"]), (200, &json!(bytes.len())), "{dialect}: {done}");
        assert_delivered(&stack, &account, &done["asset"], &bytes, dialect).await;
        stack.proxy.speak(&[]);
    }
}

/// An answer in a content coding that was not asked for is not delivered, and not kept: nobody knows which bytes its ranges are of.
#[tokio::test]
async fn compressed_answer_of_the_store_returns_502_and_is_not_cached() {
    let stack = Stack::start(&[]).await;
    let bytes = random_bytes(70_000);
    let asset = stack.asset(&stack.dev).bytes(bytes.clone()).store().await;
    let url = stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    stack.proxy.speak(&["gzip"]);
    assert_eq!(fetch(stack.http.get(&url)).await.0, 502);
    stack.proxy.speak(&[]);
    let (status, _, body) = fetch(stack.http.get(&url)).await;
    assert!(status == 200 && body == Some(bytes));
}

/// The store completes, and a gateway writes its own error over the answer: the object is found.
#[tokio::test]
async fn error_written_over_the_answer_of_a_completion_is_not_believed() {
    let stack = Stack::start(&[]).await;
    let bytes = random_bytes(5_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    stack.send_all_parts(&started, &bytes).await;
    stack.proxy.speak(&["error-in-completion"]);
    let (status, done) = stack.track(&stack.dev, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    stack.proxy.speak(&[]);
    let (status, files) = stack.get(&stack.dev, FILES).await;
    assert_eq!((status, files["files"].as_array().unwrap().len()), (200, 1), "{files}");
}

/// Following it would send the signature to another host.
#[tokio::test]
async fn redirect_of_the_store_returns_502_and_is_not_followed() {
    let stack = Stack::start(&[]).await;
    let bytes = random_bytes(5_000);
    let started = stack.session(&stack.dev).size(bytes.len()).start().await;
    stack.proxy.speak(&["redirect"]);
    let (status, body) = stack.chunk(&started, 1, &bytes).answer().await;
    assert_eq!((status, &body["code"]), (502, &json!("origin-error")), "{body}");
    assert_eq!(stack.proxy.seen("partNumber=1").len(), 1);
}
