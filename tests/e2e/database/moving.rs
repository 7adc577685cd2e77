//! An account moves from one database to the other and loses nothing.

use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, FILES, Stack, action, eventually_every, fetch, random_bytes, sha256};
use crate::video::{media_playlist, playback_base, put_video};

/// Every table with rows of an account.
const TABLES: [&str; 11] = [
    "accounts",
    "credentials",
    "namespaces",
    "namespace_members",
    "storage_usage",
    "objects",
    "assets",
    "chunks",
    "upload_sessions",
    "video_files",
    "videos",
];

async fn moves(stack: &Stack, user: &str, shard: u8) -> (u16, Value) {
    stack.operator(Method::POST, &format!("/api/portal/accounts/{user}/move")).json(&json!({ "shard": shard })).answer().await
}

fn counts() -> String {
    TABLES
        .map(|table| {
            let whose = match table {
                "accounts" => "agentcache_user_id = 'mover'",
                "namespaces" => "name = 'jt_user_mover'",
                "storage_usage" | "credentials" => "account_id = (SELECT id FROM accounts WHERE agentcache_user_id = 'mover')",
                _ => "namespace = 'jt_user_mover'",
            };
            format!("SELECT COUNT(*) AS n FROM {table} WHERE {whose};")
        })
        .concat()
}

fn numbers(rows: Vec<Vec<Value>>) -> Vec<u64> {
    rows.iter().map(|answer| answer[0]["n"].as_u64().unwrap()).collect()
}

async fn url_of(stack: &Stack, account: &AccountAccess, id: &str) -> String {
    let (status, body) = stack.get(account, &format!("/api/storage/download?direct=0&assetId={id}")).await;
    assert_eq!(status, 200, "{body}");
    body["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn moved_account_keeps_its_files_videos_open_uploads_and_credentials() {
    let stack = Stack::with_two_databases(&[]).await;
    let account = stack.account("mover").tier("enterprise").create().await;
    // One file, one video, one open upload with a part. More files than a page.
    let bytes = random_bytes(10_000_000);
    let started = stack.session(&account).name("film.bin").size(bytes.len()).hash(&sha256(&bytes)).start().await;
    stack.send_all_parts(&started, &bytes).await;
    let (status, done) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    let id = done["asset"]["id"].as_str().unwrap().to_owned();
    stack.verified(&account, &id).await;
    let copies = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) \
         INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) \
         SELECT printf('00000000-0000-4000-8000-%012d', i), a.account_id, a.namespace, a.object_id, 'copy ' || i, 'a/b', 'session', i FROM n, assets a \
         WHERE a.namespace = 'jt_user_mover' AND a.name = 'film.bin'; \
         UPDATE objects SET refs = 451 WHERE namespace = 'jt_user_mover'";
    stack.sql(copies).await;
    assert_eq!(put_video(&stack, &account, "film/index.m3u8", media_playlist(&["0.ts"], true)).await.0, 201);
    assert_eq!(put_video(&stack, &account, "film/0.ts", "segment").await.0, 201);
    let open_bytes = random_bytes(20_000_000);
    let open = stack.session(&account).name("open.bin").size(open_bytes.len()).start().await;
    assert_eq!(stack.chunk(&open, 1, &open_bytes[..10_000_000]).answer().await.0, 200);
    let (url, playing) = (url_of(&stack, &account, &id).await, playback_base(&stack, &account, "film", "index.m3u8").await);
    let before = numbers(stack.sql(&counts()).await);
    assert!(before[TABLES.iter().position(|table| *table == "assets").unwrap()] == 451, "{before:?}");

    let (status, moving) = moves(&stack, "mover", 1).await;
    assert_eq!((status, &moving["moving"], &moving["shard"]), (202, &json!(true), &json!(0)), "{moving}");
    // It can be read, and parts can be sent.
    assert!(fetch(stack.http.get(&url)).await.2 == Some(bytes.clone()));
    assert_eq!(stack.get(&account, FILES).await.0, 200);
    assert_eq!(stack.chunk(&open, 2, &open_bytes[10_000_000..]).answer().await.0, 200);
    // It can not be changed.
    let start = json!({ "action": "start", "fileName": "late.bin", "fileSize": 5 });
    for (status, body) in [stack.track(&account, start.clone()).await, stack.track(&account, action("complete", &open)).await] {
        assert_eq!((status, &body["code"]), (503, &json!("account-moving")), "{body}");
    }
    assert_eq!(put_video(&stack, &account, "film/0.ts", "other").await.0, 503);
    assert_eq!(stack.webhook("/api/agentcache/suspend", json!({ "agentcache_user_id": "mover" })).await.0, 503);

    let (status, there) = eventually_every(Duration::from_secs(5), Duration::from_secs(400), async || {
        let (status, body) = moves(&stack, "mover", 1).await;
        if status == 202 { Err(body) } else { Ok((status, body)) }
    })
    .await;
    assert_eq!((status, &there["moving"], &there["shard"]), (200, &json!(false), &json!(1)), "{there}");
    let mut after = numbers(stack.sql_of_second(&counts()).await);
    // The ledger may have written its first figures meanwhile.
    let usage = TABLES.iter().position(|table| *table == "storage_usage").unwrap();
    assert!(after[usage] >= before[usage], "{after:?} {before:?}");
    after[usage] = before[usage];
    assert_eq!(after, before, "{TABLES:?}");

    // All is as it was.
    let (_, quota) = stack.get(&account, "/api/agentcache/quota").await;
    assert!(quota["storage_used_bytes"].as_u64().unwrap() >= 10_000_000, "{quota}");
    assert!(fetch(stack.http.get(&url_of(&stack, &account, &id).await)).await.2 == Some(bytes.clone()));
    assert_eq!(fetch(stack.http.get(format!("{playing}0.ts"))).await.2, Some(b"segment".to_vec()));
    let (status, done) = stack.track(&account, action("complete", &open)).await;
    assert_eq!(status, 200, "{done}");
    let late = done["asset"]["id"].as_str().unwrap().to_owned();
    assert!(fetch(stack.http.get(&url_of(&stack, &account, &late).await)).await.2 == Some(open_bytes));
    let duplicate = json!({ "action": "start", "fileName": "twice.bin", "fileSize": bytes.len(), "fileHash": sha256(&bytes) });
    assert_eq!(stack.track(&account, duplicate).await.0, 200);
    assert_eq!(put_video(&stack, &account, "film/0.ts", "other").await.0, 200);
    assert_eq!(fetch(stack.http.get(format!("{playing}0.ts"))).await.2, Some(b"other".to_vec()));

    // What it left behind goes.
    eventually_every(Duration::from_secs(2), Duration::from_secs(200), async || {
        let left = numbers(stack.sql(&counts()).await);
        if left.iter().all(|rows| *rows == 0) { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    assert_eq!(stack.get(&account, &format!("{FILES}/{id}")).await.0, 200);
}

#[tokio::test]
async fn account_that_shares_a_namespace_can_not_be_moved_alone() {
    let stack = Stack::with_two_databases(&[]).await;
    stack.namespace("jt_customer_both").member(&stack.dev).member(&stack.other).create().await;
    let (status, refused) = moves(&stack, &stack.dev.user_id, 1).await;
    assert_eq!((status, &refused["code"]), (409, &json!("not-movable")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("shared namespace"), "{refused}");
    let (status, unknown) = moves(&stack, &stack.dev.user_id, 2).await;
    assert_eq!((status, &unknown["field"]), (422, &json!("shard")), "{unknown}");
    assert_eq!(moves(&stack, "absent", 1).await.0, 404);
    let (status, here) = moves(&stack, &stack.pro.user_id, 0).await;
    assert_eq!((status, &here["moving"]), (200, &json!(false)), "{here}");
    let start = json!({ "action": "start", "fileName": "a", "fileSize": 5 });
    assert_eq!(stack.track(&stack.dev, start).await.0, 201, "nothing has changed");
}
