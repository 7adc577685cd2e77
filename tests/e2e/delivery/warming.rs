//! Slices that are brought into the cache on demand.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Call, SLICE, Stack, done_or, eventually, eventually_every, fetch, random_bytes, stack, unique};
use jettyspeed_devstack::state::AccountAccess;

const CHUNK: &str = "/api/cache/chunk";

async fn warm(stack: &Stack, account: &AccountAccess, file: &str, index: u64) -> (u16, Value) {
    stack.post(account, CHUNK, json!({ "fileId": file, "chunkIndex": index })).await
}

#[tokio::test]
async fn warmed_slice_is_a_hit_and_its_read_is_the_owners() {
    let stack = Stack::start(&[("STATS_FLUSH_SECONDS", "1")]).await;
    let account = stack.account("warmer").tier("enterprise").create().await;
    let file = stack.file(&account).name("warm.bin").size(2 * SLICE + 7).store().await;
    let before = stack.store_reads(&file.key);
    for (index, bytes) in [(1, SLICE), (2, 7)] {
        let (status, first) = warm(&stack, &account, &file.id, index).await;
        assert_eq!((status, &first["cached"], &first["bytes"], &first["provider"]), (200, &json!(true), &json!(bytes), &json!("origin")), "{first}");
        assert!(first["latency_ms"].is_u64());
        let (_, again) = stack.post(&account, CHUNK, json!({ "fileId": file.id, "chunkIndex": index, "namespace": account.namespace })).await;
        assert_eq!((&again["cached"], &again["bytes"], &again["provider"]), (&json!(true), &json!(bytes), &json!("edge")), "{again}");
    }
    assert_eq!(stack.store_reads(&file.key) - before, 2);
    let range = format!("bytes={}-{}", SLICE + 5, 2 * SLICE + 6);
    let (status, cache, body) = fetch(stack.http.get(&file.url).header("Range", range)).await;
    assert!(status == 206 && cache.starts_with("JettySpeed; hit; ttl="), "{status} {cache}");
    assert!(body.unwrap() == file.bytes[SLICE + 5..]);
    assert_eq!(stack.store_reads(&file.key) - before, 2, "the store was asked for them once");
    let (_, cache, _) = fetch(stack.http.get(&file.url).header("Range", "bytes=0-0")).await;
    assert_eq!(cache, "JettySpeed; fwd=miss; stored", "the first slice was not asked for");
    // What the store was asked for, with that last slice.
    let sql =
        "SELECT u.origin_bytes, u.bandwidth_bytes FROM storage_usage u JOIN accounts a ON a.id = u.account_id WHERE a.agentcache_user_id = 'warmer'";
    eventually(Duration::from_secs(90), async || {
        let rows = stack.sql(sql).await;
        let row = rows[0].first().cloned().unwrap_or_default();
        done_or(row["origin_bytes"] == 2 * SLICE + 7 && row["bandwidth_bytes"] == SLICE + 3, row)
    })
    .await;
}

#[tokio::test]
async fn small_file_is_one_slice_and_what_is_not_cached_is_told() {
    let stack = stack().await;
    let account = stack.account(&unique("warm-")).create().await;
    let bytes = random_bytes(70_000);
    let small = stack.asset(&account).bytes(bytes.clone()).store().await;
    let id = |asset: &Value| asset["id"].as_str().unwrap().to_owned();
    let (status, warmed) = warm(stack, &account, &id(&small), 0).await;
    assert_eq!((status, &warmed["cached"], &warmed["bytes"]), (200, &json!(true), &json!(70_000)), "{warmed}");
    let url = stack.edge(&account).download_url(&id(&small)).await.unwrap();
    let (_, cache, body) = fetch(stack.http.get(&url)).await;
    assert!(cache.starts_with("JettySpeed; hit; ttl=") && body.unwrap() == bytes, "{cache}");

    let empty = stack.asset(&account).store().await;
    let nothing = json!({ "cached": false, "bytes": 0, "provider": null });
    let told = |mut body: Value| {
        assert!(body.as_object_mut().unwrap().remove("latency_ms").unwrap().is_u64());
        body
    };
    assert_eq!(told(warm(stack, &account, &id(&empty), 0).await.1), nothing);
    let patch = json!({ "cache_ttl": { "small": 0, "text": 0, "large": 0 } });
    let path = format!("/api/portal/namespaces/{}", account.namespace);
    assert_eq!(stack.request(reqwest::Method::PATCH, &path, &account).json(&patch).sent().await.unwrap().status(), 200);
    assert_eq!(told(warm(stack, &account, &id(&small), 0).await.1), nothing, "a namespace that caches nothing");
}

#[tokio::test]
async fn others_file_is_404_and_a_slice_beyond_the_last_422() {
    let stack = stack().await;
    let (owner, stranger) = (stack.account(&unique("warm-")).create().await, stack.account(&unique("warm-")).create().await);
    let asset = stack.asset(&owner).bytes(random_bytes(1_000)).store().await;
    let id = asset["id"].as_str().unwrap();
    for (account, body) in [
        (&stranger, json!({ "fileId": id, "chunkIndex": 0 })),
        (&stranger, json!({ "fileId": id, "chunkIndex": 7, "namespace": stranger.namespace })),
        (&owner, json!({ "fileId": id, "chunkIndex": 0, "namespace": stranger.namespace })),
        (&owner, json!({ "fileId": "absent", "chunkIndex": 0 })),
    ] {
        let (status, problem) = stack.post(account, CHUNK, body.clone()).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not-found")), "{body}: {problem}");
    }
    for (body, field) in [
        (json!({ "fileId": id, "chunkIndex": 1 }), "chunkIndex"),
        (json!({ "fileId": id, "chunkIndex": -1 }), "chunkIndex"),
        (json!({ "fileId": id, "chunkIndex": 9_007_199_254_740_992u64 }), "chunkIndex"),
        (json!({ "chunkIndex": 0 }), "fileId"),
        (json!({ "fileId": id, "chunkIndex": 0, "namespace": "a b" }), "namespace"),
    ] {
        let (status, problem) = stack.post(&owner, CHUNK, body.clone()).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{body}: {problem}");
    }
    assert_eq!(stack.store_reads(asset["s3Key"].as_str().unwrap()), 0);
}

#[tokio::test]
async fn slice_of_an_account_without_bandwidth_is_429() {
    let stack = &Stack::start(&[]).await;
    let account = stack.account(&unique("warm-")).tier("starter").create().await;
    let asset = stack.asset(&account).bytes(random_bytes(1_000)).store().await;
    let id = asset["id"].as_str().unwrap();
    let path = format!("/api/storage/download?assetId={id}&direct=1");
    assert_eq!(stack.get(&account, &path).await.0, 200, "something is used");
    stack.patch_tier("starter", json!({ "bandwidth_quota_gb": 0 })).await;
    // Nobody knows of its figures here: a first answer begins while they are asked for.
    eventually_every(Duration::from_millis(200), Duration::from_secs(60), async || {
        let (status, body) = warm(stack, &account, id, 0).await;
        done_or((status, &body["code"]) == (429, &json!("bandwidth-exceeded")), format!("{status} {body}"))
    })
    .await;
}
