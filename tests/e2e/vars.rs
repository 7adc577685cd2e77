//! Vars of the deployment: what each changes in answers and figures. Those of times, caches and switches are set by the tests of what they belong to.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, done_or, eventually, fetch, header, random_bytes, sha256};

/// Prices, US dollars: numbers that floating point has exactly.
const VARS: &[(&str, &str)] = &[
    ("MAX_PART_BYTES", "8000000"),
    ("JETTYSPEED_CHUNK_SIZE_MB", "6"),
    ("JETTYSPEED_MAX_THREADS", "3"),
    ("RATE_LIMIT_MAX_REQUESTS", "7"),
    ("RATE_LIMIT_WINDOW_MS", "9000"),
    ("ORIGIN_USD_PER_GB", "0.5"),
    ("STORAGE_USD_PER_GB_MONTH", "4096"),
    ("DEDUP_USD_PER_GB", "0.25"),
];

async fn first_row(stack: &Stack, sql: &str) -> Value {
    stack.sql(sql).await[0].first().cloned().unwrap_or_default()
}

/// Stores a file by a session, claiming its hash.
async fn stored(stack: &Stack, namespace: &str, bytes: &[u8]) -> String {
    let start = json!({ "action": "start", "fileName": "f.bin", "fileSize": bytes.len(), "fileHash": sha256(bytes), "namespace": namespace });
    let (status, started) = stack.track(&stack.dev, start).await;
    assert_eq!(status, 201, "{started}");
    stack.send_all_parts(&started, bytes).await;
    let (status, done) = stack.track(&stack.dev, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    let id = done["asset"]["id"].as_str().unwrap().to_owned();
    assert_eq!(stack.verified(&stack.dev, &id).await["verification"], "verified");
    id
}

async fn url_of(stack: &Stack, asset: &str) -> String {
    let (status, body) = stack.get(&stack.dev, &format!("/api/storage/download?direct=0&assetId={asset}")).await;
    assert_eq!(status, 200, "{body}");
    body["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn vars_change_plans_limits_and_prices() {
    let stack = &Stack::start(VARS).await;
    for (size, chunk) in [(20_000_000, 6_000_000), (200_000_000, 8_000_000)] {
        let (status, body) = stack.post(&stack.dev, "/api/jetty/optimal-edges", json!({ "fileSize": size })).await;
        assert_eq!((status, &body["strategy"]["chunkSize"], &body["strategy"]["threads"]), (200, &json!(chunk), &json!(3)), "{body}");
    }
    let response = stack.anonymous(Method::GET, "/api/edges").with_new_address().sent().await.unwrap();
    assert_eq!(header(&response, "ratelimit-policy"), "\"address\";q=7;w=9");

    // One file at the deployment's price, one in a namespace that has its own.
    let dear = stack.namespace("jt_customer_dear").field("origin_usd_per_gb", json!(2.0)).member(&stack.dev).create().await;
    let (one, two) = (random_bytes(1_000_000), random_bytes(2_000_000));
    let assets = [stored(stack, &stack.dev.namespace, &one).await, stored(stack, &dear, &two).await];
    for (asset, bytes) in assets.iter().zip([&one, &two]) {
        let url = url_of(stack, asset).await;
        for cache in ["JettySpeed; fwd=miss; stored", "JettySpeed; hit; ttl=", "JettySpeed; hit; ttl="] {
            let (status, seen, body) = fetch(stack.http.get(&url)).await;
            assert!(status == 200 && seen.starts_with(cache) && body.as_ref() == Some(bytes), "{status} {seen}");
        }
    }
    let usage = async || {
        let account = format!("(SELECT id FROM accounts WHERE agentcache_user_id = '{}')", stack.dev.user_id);
        first_row(stack, &format!("SELECT * FROM storage_usage WHERE account_id = {account}")).await
    };
    let row = eventually(Duration::from_secs(60), async || {
        let row = usage().await;
        if row["origin_bytes"] == 3_000_000 && row["bandwidth_bytes"] == 9_000_000 { Ok(row) } else { Err(row) }
    })
    .await;
    assert_eq!(row["bandwidth_cost"], json!(0.001 * 0.5 + 0.002 * 2.0), "what was read from the store, each at its namespace's price: {row}");
    let (months, cost) = (row["storage_gb_months"].as_f64().unwrap(), row["storage_cost"].as_f64().unwrap());
    assert!(row["storage_bytes"] == 3_000_000 && months > 0.0 && months < 0.003, "{row}");
    assert_eq!((cost, row["total_cost"].as_f64().unwrap()), (months * 4096.0, cost + row["bandwidth_cost"].as_f64().unwrap()), "{row}");

    // A second name for the first file.
    let duplicate = json!({ "fileHash": sha256(&one), "fileSize": one.len() });
    let (_, found) = stack.post(&stack.dev, "/api/jetty/check-duplicate", duplicate).await;
    assert_eq!(found["savings"], json!({ "bytes": 1_000_000, "usd": 0.000_25 }));
    let again = json!({ "action": "start", "fileName": "g.bin", "fileSize": one.len(), "fileHash": sha256(&one) });
    assert_eq!(stack.track(&stack.dev, again).await.0, 200);
    let savings = format!("SELECT saved_bytes, saved_usd FROM deduplication_savings WHERE namespace = '{}'", stack.dev.namespace);
    assert_eq!(first_row(stack, &savings).await, json!({ "saved_bytes": 1_000_000, "saved_usd": 0.000_1 }), "the shipped price until the daily run");
    stack.run_daily().await;
    eventually(Duration::from_secs(30), async || {
        let row = first_row(stack, &savings).await;
        done_or(row == json!({ "saved_bytes": 1_000_000, "saved_usd": 0.000_25 }), row)
    })
    .await;
}

#[tokio::test]
async fn hits_and_last_access_of_a_file_are_written_with_the_counters() {
    let stack = &crate::harness::stack().await;
    let bytes = random_bytes(30_000);
    let asset = stack.asset(&stack.pro).bytes(bytes.clone()).store().await;
    let id = asset["id"].as_str().unwrap();
    let row = async || first_row(stack, &format!("SELECT hit_count, last_accessed FROM assets WHERE id = '{id}'")).await;
    assert_eq!(row().await, json!({ "hit_count": 0, "last_accessed": null }));
    let (_, body) = stack.get(&stack.pro, &format!("/api/storage/download?direct=0&assetId={id}")).await;
    let url = body["url"].as_str().unwrap();
    for _ in 0..4 {
        assert!(fetch(stack.http.get(url)).await.2 == Some(bytes.clone()));
    }
    eventually(Duration::from_secs(30), async || {
        let row = row().await;
        done_or(row["hit_count"] == 3 && row["last_accessed"].as_u64().is_some(), row)
    })
    .await;
}
