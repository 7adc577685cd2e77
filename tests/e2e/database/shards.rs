//! A deployment with two databases: accounts of both work side by side.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, FILES, Stack, action, credentials, done_or, eventually, eventually_every, fetch, random_bytes, sha256};
use crate::notices::sink::Sink;
use crate::video::{media_playlist, playback_base, put_video};

fn one(rows: &[Vec<Value>]) -> Value {
    rows[0][0].clone()
}

#[tokio::test]
async fn new_accounts_live_in_the_second_database_with_all_that_is_theirs() {
    let stack = Stack::with_two_databases(&[("NEW_ACCOUNTS_SHARD", "1")]).await;
    let account = stack.account("second").tier("enterprise").create().await;
    let in_second = "SELECT COUNT(*) AS n FROM accounts WHERE agentcache_user_id = 'second'";
    assert_eq!((one(&stack.sql(in_second).await), one(&stack.sql_of_second(in_second).await)), (json!({ "n": 0 }), json!({ "n": 1 })));
    let rows = stack.sql("SELECT kind, shard FROM directory ORDER BY kind").await;
    let expected: Vec<Value> = ["account", "key", "namespace", "user"].map(|kind| json!({ "kind": kind, "shard": 1 })).into();
    assert_eq!(rows[0], expected);
    // Provisioned again it is the same one.
    let body = json!({ "agentcache_user_id": "second", "email": "second@example.com", "tier": "enterprise" });
    let (status, again) = stack.webhook("/api/webhooks/jetty/provision", body).await;
    assert_eq!((status, credentials(&again).api_key), (200, account.api_key.clone()));

    // Files: simple and by session, listed, deduplicated, downloaded, deleted.
    let bytes = random_bytes(700_000);
    let asset = stack.asset(&account).bytes(bytes.clone()).store().await;
    let started = stack.session(&account).name("by-session.bin").size(bytes.len()).hash(&sha256(&bytes)).start().await;
    stack.send_all_parts(&started, &bytes).await;
    let (status, done) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    let id = done["asset"]["id"].as_str().unwrap().to_owned();
    assert_eq!(stack.verified(&account, &id).await["verification"], "verified");
    let (_, listed) = stack.get(&account, FILES).await;
    assert_eq!(listed["files"].as_array().unwrap().len(), 2, "{listed}");
    let again = json!({ "action": "start", "fileName": "twice.bin", "fileSize": bytes.len(), "fileHash": sha256(&bytes) });
    let (status, duplicate) = stack.track(&account, again).await;
    assert_eq!((status, &duplicate["duplicate"]), (200, &json!(true)));
    let (_, body) = stack.get(&account, &format!("/api/storage/download?direct=0&assetId={id}")).await;
    assert!(fetch(stack.http.get(body["url"].as_str().unwrap())).await.2 == Some(bytes.clone()));
    let used = stack.used_and_reserved(&account).await;
    assert_eq!(used, (1_400_000, 0), "two objects");
    stack.delete(&account, &asset).await;
    let key = asset["s3Key"].as_str().unwrap();
    eventually(Duration::from_secs(60), async || done_or(stack.bucket.get(key).await.is_none(), "collected in the second database")).await;

    // Videos.
    assert_eq!(put_video(&stack, &account, "film/index.m3u8", media_playlist(&["0.ts"], true)).await.0, 201);
    assert_eq!(put_video(&stack, &account, "film/0.ts", "segment").await.0, 201);
    let url = playback_base(&stack, &account, "film", "index.m3u8").await;
    assert_eq!(fetch(stack.http.get(format!("{url}0.ts"))).await.2, Some(b"segment".to_vec()));
    let (_, videos) = stack.get(&account, "/api/video").await;
    assert_eq!(videos["videos"][0]["videoId"], "film", "{videos}");

    // Counters.
    let path = format!("/api/portal/namespaces/{}/stats", account.namespace);
    eventually(Duration::from_secs(30), async || {
        let (_, stats) = stack.get(&account, &path).await;
        done_or(stats["misses"].as_u64().unwrap_or_default() + stats["hits"].as_u64().unwrap_or_default() >= 2, stats)
    })
    .await;
    for (table, rows) in [("assets", 2), ("objects", 1), ("video_files", 2), ("videos", 1), ("upload_sessions", 1)] {
        let count = format!("SELECT COUNT(*) AS n FROM {table}");
        assert_eq!((one(&stack.sql(&count).await), one(&stack.sql_of_second(&count).await)), (json!({ "n": 0 }), json!({ "n": rows })), "{table}");
    }

    // Credentials and status.
    let (status, rotated) = stack.webhook("/api/agentcache/rotate", json!({ "agentcache_user_id": "second", "overlap_seconds": 60 })).await;
    assert_eq!(status, 200, "{rotated}");
    for key in [&credentials(&rotated), &account] {
        assert_eq!(stack.get(key, FILES).await.0, 200);
    }
    assert_eq!(stack.webhook("/api/agentcache/suspend", json!({ "agentcache_user_id": "second" })).await.0, 200);
    assert_eq!(stack.get(&account, FILES).await.0, 403);
    assert_eq!(stack.webhook("/api/agentcache/resume", json!({ "agentcache_user_id": "second" })).await.0, 200);
    // A tier is the same in both databases.
    stack.patch_tier("enterprise", json!({ "max_objects": 2 })).await;
    let (status, full) = stack.track(&account, json!({ "action": "start", "fileName": "third", "fileSize": 5 })).await;
    assert_eq!((status, &full["code"]), (507, &json!("too-many-objects")), "{full}");
}

#[tokio::test]
async fn members_of_a_namespace_are_in_its_database_and_share_its_bytes() {
    let stack = Stack::with_two_databases(&[("NEW_ACCOUNTS_SHARD", "1")]).await;
    let (alice, bob) = (stack.account("alice").tier("enterprise").create().await, stack.account("bob").tier("enterprise").create().await);
    let shared = stack.namespace("jt_customer_second").member(&alice).member(&bob).create().await;
    let put =
        async |namespace: &str, user: &str| stack.operator(Method::PUT, &format!("/api/portal/namespaces/{namespace}/members/{user}")).answer().await;
    let (status, refused) = put(&shared, &stack.dev.user_id).await;
    assert_eq!((status, &refused["code"]), (409, &json!("other-shard")), "{refused}");
    assert_eq!((&refused["accountShard"], &refused["namespaceShard"]), (&json!(0), &json!(1)));
    let first = stack.namespace("jt_customer_first").field("shard", json!(0)).member(&stack.dev).member(&stack.other).create().await;
    assert_eq!(put(&first, &alice.user_id).await.0, 409);
    let body = json!({ "name": "jt_customer_nowhere", "shard": 2 });
    let (status, unknown) = stack.operator(Method::POST, "/api/portal/namespaces").json(&body).answer().await;
    assert_eq!((status, &unknown["field"]), (422, &json!("shard")), "{unknown}");
    for name in [&shared, &first] {
        let (status, body) = stack.operator(Method::POST, "/api/portal/namespaces").json(&json!({ "name": name })).answer().await;
        assert_eq!((status, &body["code"]), (409, &json!("already-exists")), "{name}: {body}");
    }
    // A name stays with its database, also when its namespace is deleted.
    let path = "/api/portal/namespaces/jt_customer_again";
    for round in 0..2 {
        let body = json!({ "name": "jt_customer_again" });
        let (status, created) = stack.operator(Method::POST, "/api/portal/namespaces").json(&body).answer().await;
        assert_eq!(status, 201, "{round}: {created}");
        let in_second = "SELECT COUNT(*) AS n FROM namespaces WHERE name = 'jt_customer_again'";
        assert_eq!(one(&stack.sql_of_second(in_second).await), json!({ "n": 1 }), "{round}");
        let elsewhere = json!({ "name": "jt_customer_again", "shard": 0 });
        let (status, taken) = stack.operator(Method::POST, "/api/portal/namespaces").json(&elsewhere).answer().await;
        assert_eq!((status, &taken["code"]), (409, &json!("already-exists")), "{round}: {taken}");
        assert_eq!(stack.operator(Method::DELETE, path).answer().await.0, 204, "{round}");
        let (status, refused) = stack.operator(Method::POST, "/api/portal/namespaces").json(&elsewhere).answer().await;
        assert_eq!((status, &refused["field"]), (422, &json!("shard")), "{round}: {refused}");
    }

    // Bytes that one member has stored are a duplicate for the other, and for nobody in the other database.
    let bytes = random_bytes(900_000);
    let started = stack.session(&alice).name("a.bin").size(bytes.len()).hash(&sha256(&bytes)).namespace(&shared).start().await;
    stack.send_all_parts(&started, &bytes).await;
    let (status, done) = stack.track(&alice, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    stack.verified(&alice, done["asset"]["id"].as_str().unwrap()).await;
    for (account, namespace, expected) in [(&bob, &shared, 200), (&stack.dev, &first, 201)] {
        let body = json!({ "action": "start", "fileName": "b.bin", "fileSize": bytes.len(), "fileHash": sha256(&bytes), "namespace": namespace });
        let (status, answer) = stack.track(account, body).await;
        assert_eq!(status, expected, "{namespace}: {answer}");
    }
    let objects = "SELECT COUNT(*) AS n FROM objects";
    assert_eq!((one(&stack.sql(objects).await), one(&stack.sql_of_second(objects).await)), (json!({ "n": 0 }), json!({ "n": 1 })));

    // The operator sees the namespaces of both, page by page.
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = stack.operator(Method::GET, &format!("/api/portal/namespaces?limit=3&cursor={cursor}")).answer().await;
        assert_eq!(status, 200, "{page}");
        names.extend(page["namespaces"].as_array().unwrap().iter().map(|namespace| namespace["name"].as_str().unwrap().to_owned()));
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    for name in [&shared, &first, &alice.namespace, &bob.namespace, &stack.dev.namespace] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    // The daily run works on both.
    stack.run_daily().await;
}

#[tokio::test]
async fn account_of_the_second_database_is_deleted_there_and_members_are_told_of_its_files() {
    let stack = Stack::with_two_databases(&[("NEW_ACCOUNTS_SHARD", "1")]).await;
    let (gone, stays) = (stack.account("gone").tier("enterprise").create().await, stack.account("stays").tier("enterprise").create().await);
    let shared = stack.namespace("jt_customer_second").member(&gone).create().await;
    stack.add_manager(&shared, "stays").await;
    let sink = Sink::start().await;
    let path = format!("/api/portal/namespaces/{shared}/webhooks");
    let (status, body) = stack.post(&stays, &path, json!({ "url": format!("{}/told", sink.url), "events": ["asset.deleted"] })).await;
    assert_eq!(status, 201, "{body}");
    stack.asset(&gone).bytes(random_bytes(5_000)).store().await;
    let mut common = Vec::new();
    for _ in 0..3 {
        let request = stack.request(Method::POST, "/api/storage/upload", &gone).header("X-File-Name", "common.bin").header("X-Namespace", &shared);
        let (status, body) = request.body(random_bytes(4_000)).answer().await;
        assert_eq!(status, 201, "{body}");
        common.push(body["asset"]["id"].as_str().unwrap().to_owned());
    }
    let kept = stack.asset(&stays).bytes("kept").store().await;
    let path = "/api/portal/accounts/gone";
    assert_eq!(stack.operator(Method::DELETE, path).answer().await.0, 202);
    let mut told: Vec<String> =
        sink.wait("/told", 3).await.iter().map(|seen| seen.json()["data"]["asset"]["id"].as_str().unwrap().to_owned()).collect();
    told.sort();
    common.sort();
    assert_eq!(told, common, "each of the shared namespace, none of its own");
    let left = "SELECT COUNT(*) AS n FROM assets a JOIN accounts c ON c.id = a.account_id WHERE c.agentcache_user_id = 'gone'";
    eventually(Duration::from_secs(60), async || {
        let left = one(&stack.sql_of_second(left).await);
        done_or(left["n"] == 0, left)
    })
    .await;
    let hours_later =
        "UPDATE accounts SET deleting_at = deleting_at - 80000000 WHERE agentcache_user_id = 'gone'; UPDATE objects SET doomed_at = 1 WHERE refs = 0";
    stack.sql_of_second(hours_later).await;
    eventually_every(Duration::from_secs(4), Duration::from_secs(90), async || {
        stack.run_daily().await;
        let (status, body) = stack.operator(Method::GET, path).answer().await;
        done_or(status == 404, body)
    })
    .await;
    let rows = "SELECT COUNT(*) AS n FROM accounts WHERE agentcache_user_id = 'gone'";
    assert_eq!((one(&stack.sql(rows).await), one(&stack.sql_of_second(rows).await)), (json!({ "n": 0 }), json!({ "n": 0 })));
    let directory = "SELECT COUNT(*) AS n FROM directory WHERE name IN ('gone', 'jt_user_gone')";
    assert_eq!(one(&stack.sql(directory).await), json!({ "n": 0 }), "the directory has forgotten it");
    assert_eq!(stack.get(&stays, &format!("{FILES}/{}", kept["id"].as_str().unwrap())).await.0, 200);
    assert_eq!(stack.get(&stays, &format!("/api/portal/namespaces/{shared}")).await.0, 200);
    assert_eq!(sink.seen("/told").len(), 3, "once each");
}
