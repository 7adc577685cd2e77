//! Deduplication: known bytes are not sent again, belong to every account that references them, and match by hash only once the Worker has verified them.

use std::time::Duration;

use futures_util::future::join_all;
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, FILES, Stack, action, eventually, random_bytes, sha256, stack, unique};

async fn check_duplicate(stack: &Stack, account: &AccountAccess, hash: &str, size: usize) -> Value {
    let body = json!({ "fileHash": hash, "fileSize": size });
    let (status, body) = stack.request(Method::POST, "/api/jetty/check-duplicate", account).json(&body).answer().await;
    assert_eq!(status, 200, "{body}");
    body
}

fn start(name: &str, bytes: &[u8]) -> Value {
    json!({ "action": "start", "fileName": name, "fileSize": bytes.len(), "fileHash": sha256(bytes) })
}

/// Uploads in a session, claiming `hash`: the asset right after completion.
async fn upload(stack: &Stack, account: &AccountAccess, name: &str, bytes: &[u8], hash: &str) -> Value {
    let started = stack.session(account).name(name).size(bytes.len()).hash(hash).start().await;
    stack.send_all_parts(&started, bytes).await;
    let (status, body) = stack.track(account, action("complete", &started)).await;
    assert_eq!(status, 200, "{body}");
    body["asset"].clone()
}

async fn used_bytes(stack: &Stack, account: &AccountAccess) -> u64 {
    let (_, body) = stack.get(account, "/api/agentcache/quota").await;
    assert_eq!(body["storage_reserved_bytes"], 0, "{body}");
    body["storage_used_bytes"].as_u64().unwrap()
}

#[tokio::test]
async fn known_file_returns_duplicate_and_is_charged_once() {
    let stack = stack().await;
    let account = stack.account(&unique("once-")).tier("pro").create().await;
    let bytes = random_bytes(300_000);
    let hash = sha256(&bytes);
    assert_eq!(check_duplicate(stack, &account, &hash, bytes.len()).await["duplicate"], false);
    let asset = upload(stack, &account, "a.bin", &bytes, &hash).await;
    assert_eq!((&asset["verification"], &asset["sha256"]), (&json!("pending"), &Value::Null));
    let verified = stack.verified(&account, asset["id"].as_str().unwrap()).await;
    assert_eq!((&verified["verification"], &verified["sha256"]), (&json!("verified"), &json!(hash)));
    let reads = stack.proxy.seen(asset["s3Key"].as_str().unwrap()).into_iter().filter(|seen| seen.method == "GET").count();
    assert_eq!(reads, 1, "one look, one read");

    let found = check_duplicate(stack, &account, &hash, bytes.len()).await;
    assert_eq!((&found["duplicate"], &found["asset"]["id"], &found["savings"]["bytes"]), (&json!(true), &asset["id"], &json!(300_000)));
    assert!((found["savings"]["usd"].as_f64().unwrap() - 0.000_03).abs() < 1e-9, "{found}");
    assert_eq!(check_duplicate(stack, &account, &hash, bytes.len() + 1).await["duplicate"], false, "the size is part of it");
    assert_eq!(check_duplicate(stack, &stack.dev, &hash, bytes.len()).await["duplicate"], false, "somebody else's namespace");

    let (status, again) = stack.track(&account, start("a.bin", &bytes)).await;
    assert_eq!((status, &again["duplicate"], &again["asset"]["id"]), (200, &json!(true), &asset["id"]), "{again}");
    let (status, renamed) = stack.track(&account, start("b.bin", &bytes)).await;
    assert_eq!((status, &renamed["asset"]["name"], &renamed["asset"]["s3Key"]), (200, &json!("b.bin"), &asset["s3Key"]), "{renamed}");
    assert_ne!(renamed["asset"]["id"], asset["id"]);
    assert_eq!(used_bytes(stack, &account).await, 300_000);
    let path = format!("/files/{}/b.bin", renamed["asset"]["id"].as_str().unwrap());
    assert_eq!(stack.request(Method::GET, &path, &account).sent().await.unwrap().bytes().await.unwrap(), bytes);
    stack.delete(&account, &asset).await;
    assert_eq!(used_bytes(stack, &account).await, 300_000, "the other name still references it");
    stack.delete(&account, &renamed["asset"]).await;
    assert_eq!(used_bytes(stack, &account).await, 0);
}

#[tokio::test]
async fn wrong_file_hash_is_marked_mismatch_and_never_matches() {
    let stack = stack().await;
    let account = stack.account(&unique("liar-")).tier("pro").create().await;
    let (bytes, coveted) = (random_bytes(10_000), random_bytes(10_000));
    let lie = sha256(&coveted);
    let asset = upload(stack, &account, "session.bin", &bytes, &lie).await;
    let told = stack.verified(&account, asset["id"].as_str().unwrap()).await;
    assert_eq!((&told["verification"], &told["sha256"]), (&json!("mismatch"), &Value::Null));
    for hash in [&lie, &sha256(&bytes)] {
        assert_eq!(check_duplicate(stack, &account, hash, bytes.len()).await["duplicate"], false);
    }
    let (status, started) = stack.track(&account, start("coveted.bin", &coveted)).await;
    assert_eq!((status, &started["missingParts"]), (201, &json!([1])), "whoever has the real bytes sends them");

    let simple = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "s.bin").header("X-Content-SHA256", &lie);
    let (status, body) = simple.body(bytes.clone()).answer().await;
    assert_eq!((status, &body["code"]), (422, &json!("chunk-hash-mismatch")), "the store looks at once");
}

/// A read that ends early does not decide the verification, and a slow one is waited for.
#[tokio::test]
async fn slow_read_is_verified_and_truncated_read_stays_pending() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("patient").tier("pro").create().await;
    let bytes = random_bytes(400_000);
    let reads = |method: &Method, target: &str| *method == Method::GET && target.contains("/o/");
    // Longer than the limit for the store's first byte.
    stack.proxy.inject(move |method, target| reads(method, target).then_some(Fault::LateBody(33_000)));
    let began = std::time::Instant::now();
    let asset = upload(&stack, &account, "slow.bin", &bytes, &sha256(&bytes)).await;
    let path = format!("/files/{}/slow.bin", asset["id"].as_str().unwrap());
    let served = async { stack.request(Method::GET, &path, &account).sent().await.unwrap().bytes().await.unwrap() };
    let (judged, served) = tokio::join!(stack.verified(&account, asset["id"].as_str().unwrap()), served);
    assert_eq!(judged["verification"], "verified");
    assert!(served == bytes && began.elapsed() >= Duration::from_secs(33));

    stack.proxy.inject(move |method, target| reads(method, target).then_some(Fault::CutAnswer));
    let cut = upload(&stack, &account, "cut.bin", &random_bytes(400_000), &sha256(b"a lie")).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (_, file) = stack.get(&account, &format!("/api/storage/files/{}", cut["id"].as_str().unwrap())).await;
    assert!(!stack.proxy.seen(cut["s3Key"].as_str().unwrap()).iter().all(|seen| seen.method != "GET"), "it was read");
    assert_eq!(file["asset"]["verification"], "pending", "half a file tells nothing");
}

#[tokio::test]
async fn concurrent_uploads_of_the_same_bytes_end_as_one_object() {
    let stack = Stack::start(&[("DELETE_GRACE_SECONDS", "1")]).await;
    let account = stack.account("twin").tier("pro").create().await;
    let bytes = random_bytes(50_000);
    let hash = sha256(&bytes);
    let (one, two) = tokio::join!(upload(&stack, &account, "1", &bytes, &hash), upload(&stack, &account, "2", &bytes, &hash));
    assert_ne!(one["s3Key"], two["s3Key"]);
    for asset in [&one, &two] {
        stack.verified(&account, asset["id"].as_str().unwrap()).await;
    }
    let keys: Vec<String> = eventually(Duration::from_secs(40), async || {
        let (_, files) = stack.get(&account, FILES).await;
        let keys: Vec<String> = files["files"].as_array().unwrap().iter().map(|file| file["s3Key"].as_str().unwrap().to_owned()).collect();
        let used = used_bytes(&stack, &account).await;
        if keys.len() == 2 && keys[0] == keys[1] && used == 50_000 { Ok(keys) } else { Err(format!("{used} bytes of {keys:?}")) }
    })
    .await;
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    assert_eq!(used_bytes(&stack, &account).await, 50_000);
    let other = [&one, &two].into_iter().find(|asset| asset["s3Key"] != keys[0].as_str()).unwrap()["s3Key"].as_str().unwrap();
    // The collector runs when something is deleted, and daily.
    let third = upload(&stack, &account, "3", &random_bytes(10), &"0".repeat(64)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stack.delete(&account, &third).await;
    stack.bucket.wait_until_deleted(other).await;
    assert_eq!(stack.bucket.get(&keys[0]).await.as_deref(), Some(&bytes[..]));
    for asset in [&one, &two] {
        let path = format!("/files/{}/x", asset["id"].as_str().unwrap());
        assert_eq!(stack.request(Method::GET, &path, &account).sent().await.unwrap().bytes().await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn shared_namespace_has_one_asset_per_account_and_last_delete_removes_object() {
    let stack = Stack::start(&[("DELETE_GRACE_SECONDS", "3")]).await;
    let (one, two) = (stack.account("sharer-1").tier("pro").create().await, stack.account("sharer-2").tier("pro").create().await);
    stack.namespace("jt_customer_sharing").member(&one).member(&two).create().await;
    let bytes = random_bytes(20_000);
    let wanted =
        json!({ "action": "start", "fileName": "s", "fileSize": bytes.len(), "fileHash": sha256(&bytes), "namespace": "jt_customer_sharing" });
    let (_, started) = stack.track(&one, wanted.clone()).await;
    stack.send_all_parts(&started, &bytes).await;
    let (_, done) = stack.track(&one, action("complete", &started)).await;
    let first = stack.verified(&one, done["asset"]["id"].as_str().unwrap()).await;
    let found = check_duplicate(&stack, &two, &sha256(&bytes), bytes.len()).await;
    assert_eq!((&found["duplicate"], &found["asset"]), (&json!(true), &Value::Null), "it is there, but it is not theirs");
    // Ten concurrent starts: one asset, one object, charged once.
    let key = first["s3Key"].as_str().unwrap();
    for (status, body) in join_all((0..10).map(|_| stack.track(&two, wanted.clone()))).await {
        assert_eq!((status, &body["duplicate"], body["asset"]["s3Key"].as_str()), (200, &json!(true), Some(key)), "{body}");
    }
    assert_eq!((used_bytes(&stack, &one).await, used_bytes(&stack, &two).await), (20_000, 20_000));
    stack.delete(&one, &first).await;
    assert_eq!(used_bytes(&stack, &one).await, 0);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(stack.bucket.get(key).await.is_some(), "another's deletion takes nothing from anybody");
    let (_, files) = stack.get(&two, "/api/storage/files").await;
    let files = files["files"].as_array().unwrap();
    assert_eq!(files.len(), 1);
    for file in files {
        stack.delete(&two, file).await;
    }
    assert!(stack.bucket.get(key).await.is_some(), "a grace period");
    // Within it the bytes can be referenced again.
    let (status, back) = stack.track(&one, wanted.clone()).await;
    assert_eq!((status, &back["duplicate"]), (200, &json!(true)), "{back}");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(stack.bucket.get(key).await.is_some());
    stack.delete(&one, &back["asset"]).await;
    stack.bucket.wait_until_deleted(key).await;
    let (status, body) = stack.track(&one, wanted).await;
    assert_eq!((status, &body["missingParts"]), (201, &json!([1])), "{body}");
}

#[tokio::test]
async fn file_with_one_changed_chunk_has_one_missing_part() {
    let stack = stack().await;
    let account = &stack.unsigned;
    let size = 5 * 1024 * 1024;
    let mut bytes = random_bytes(6 * size + 1_000);
    let hashes = |bytes: &[u8]| bytes.chunks(size).map(sha256).collect::<Vec<_>>();
    let started =
        |bytes: &[u8]| json!({ "action": "start", "fileName": "v.bin", "fileSize": bytes.len(), "chunkSize": size, "chunkHashes": hashes(bytes) });
    let (status, first) = stack.track(account, started(&bytes)).await;
    assert_eq!((status, &first["missingParts"]), (201, &json!([1, 2, 3, 4, 5, 6, 7])));
    stack.send_all_parts(&first, &bytes).await;
    let (status, done) = stack.track(account, action("complete", &first)).await;
    assert_eq!((status, &done["bytesSaved"]), (200, &json!(0)), "{done}");

    bytes[2 * size + 5] ^= 1;
    let (status, second) = stack.track(account, started(&bytes)).await;
    assert_eq!((status, &second["missingParts"]), (201, &json!([3])), "{second}");
    let state = stack.session_state(account, second["sessionId"].as_str().unwrap()).await;
    assert_eq!((&state["missing"], state["completed"].as_array().unwrap().len()), (&json!([3]), 6));
    let chunk = &bytes[2 * size..3 * size];
    assert_eq!(stack.chunk(&second, 3, chunk).answer().await.0, 200);
    let complete = json!({ "action": "complete", "sessionId": second["sessionId"], "chunkHashes": hashes(&bytes) });
    let (status, done) = stack.track(account, complete).await;
    assert_eq!((status, &done["bytesSent"], &done["bytesSaved"]), (200, &json!(size), &json!(bytes.len() - size)), "{done}");
    assert!(!done["edgesUsed"].as_array().unwrap().contains(&json!("copy")), "{done}");
    assert_eq!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.as_deref(), Some(&bytes[..]));

    let stranger = stack.account(&unique("stranger-")).tier("pro").create().await;
    let foreign = json!({ "action": "start", "fileName": "v", "fileSize": size, "chunkSize": 10_000_000, "chunkHashes": [sha256(&bytes[..size])] });
    let (status, body) = stack.track(&stranger, foreign).await;
    assert_eq!((status, &body["missingParts"]), (201, &json!([1])), "another namespace's chunks are not there");
}
