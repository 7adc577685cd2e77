//! Storage is reserved when an upload starts and settled when it ends: exact to the byte under concurrency and crashes.

use std::time::Duration;

use futures_util::future::join_all;
use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, done_or, eventually, random_bytes, stack};

const MB: u64 = 1_000_000;

/// Alarms and jobs do their work within a minute, or within twice that on a busy machine.
const BY_ITSELF: Duration = Duration::from_secs(150);

/// Waits until the account uses and reserves so many bytes.
async fn wait_for_usage(stack: &Stack, account: &AccountAccess, usage: (u64, u64)) {
    eventually(BY_ITSELF, async || {
        let seen = stack.used_and_reserved(account).await;
        done_or(seen == usage, format!("{seen:?} used and reserved, not {usage:?}"))
    })
    .await;
}

/// Sum of the files the account lists; each has an object of its own here.
async fn listed_bytes(stack: &Stack, account: &AccountAccess) -> u64 {
    let (_, body) = stack.get(account, "/api/storage/files?limit=500").await;
    assert_eq!(body["cursor"], Value::Null);
    body["files"].as_array().unwrap().iter().map(|file| file["size"].as_u64().unwrap()).sum()
}

async fn upload(stack: &Stack, account: &AccountAccess, bytes: &[u8]) -> (u16, Value) {
    let request = stack.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", "q.bin").body(bytes.to_vec());
    request.answer().await
}

#[tokio::test]
async fn two_hundred_concurrent_starts_reserve_exactly_the_quota() {
    let stack = Stack::start(&[]).await;
    let racer = stack.account("racer").tier("pro").create().await;
    let limit = 20_000 * MB;
    let start = |n: u32| json!({ "action": "start", "fileName": format!("{n}.bin"), "fileSize": 500 * MB });
    let starts = join_all((0..200).map(|n| stack.track(&racer, start(n)))).await;
    let mut sessions = Vec::new();
    for (status, body) in starts {
        match status {
            201 => sessions.push(body["sessionId"].as_str().unwrap().to_owned()),
            507 => {
                assert_eq!((&body["code"], &body["limit"], &body["requested"]), (&json!("storage-exceeded"), &json!(limit), &json!(500 * MB)));
                assert!(body["used"].as_u64().unwrap() + body["reserved"].as_u64().unwrap() + 500 * MB > limit, "{body}");
            }
            _ => panic!("{status} {body}"),
        }
    }
    assert_eq!(sessions.len(), 40, "the quota holds exactly 40 of 500 MB");
    assert_eq!(stack.used_and_reserved(&racer).await, (0, limit));
    let (status, body) = upload(&stack, &racer, &[7]).await;
    assert_eq!((status, &body["code"]), (507, &json!("storage-exceeded")), "not one byte more");
    assert_eq!(stack.quota(&racer).await["warning"], "storage");

    // Two are completed, all parts of the same bytes; the others are failed, half of them twice concurrently: a release counts once.
    let (completed, failed) = sessions.split_at(2);
    let part = random_bytes(50 * MB as usize);
    for session in completed {
        let token = stack.session_state(&racer, session).await["uploadToken"].clone();
        for number in 1..=10 {
            assert_eq!(stack.chunk(&json!({ "uploadToken": token }), number, &part).answer().await.0, 200);
        }
        assert_eq!(stack.track(&racer, json!({ "action": "complete", "sessionId": session })).await.0, 200);
    }
    let fail = |session| stack.track(&racer, json!({ "action": "fail", "sessionId": session }));
    for (status, body) in join_all(failed.iter().take(19).flat_map(|session| [session, session]).map(fail)).await {
        // The store may answer 503 under this load.
        assert!(matches!(status, 200 | 503), "{status} {body}");
    }
    for session in failed {
        let (status, body) = fail(session).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(stack.used_and_reserved(&racer).await, (1_000 * MB, 0));
    assert_eq!(listed_bytes(&stack, &racer).await, 1_000 * MB);
    let (_, files) = stack.get(&racer, "/api/storage/files").await;
    for file in files["files"].as_array().unwrap() {
        let path = format!("/api/storage/files/{}", file["id"].as_str().unwrap());
        assert_eq!(stack.request(Method::DELETE, &path, &racer).answer().await.0, 204);
    }
    assert_eq!(stack.used_and_reserved(&racer).await, (0, 0));
}

#[tokio::test]
async fn used_bytes_match_stored_objects_after_concurrent_completions() {
    let stack = stack().await;
    let account = stack.account("balance").tier("business").create().await;
    let small = random_bytes(1_234);
    let (status, simple) = upload(stack, &account, &small).await;
    assert_eq!(status, 201, "{simple}");
    let bytes = random_bytes(300_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    assert_eq!(stack.used_and_reserved(&account).await, (1_234, 300_000));
    stack.send_all_parts(&started, &bytes).await;
    let complete = action("complete", &started);
    for (status, body) in join_all((0..8).map(|_| stack.track(&account, complete.clone()))).await {
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(stack.used_and_reserved(&account).await, (301_234, 0));
    assert_eq!(listed_bytes(stack, &account).await, 301_234);
    let row = stack.sql(
        "SELECT COALESCE(SUM(size), 0) AS bytes FROM (SELECT DISTINCT o.id, o.size FROM assets s JOIN objects o ON o.id = s.object_id \
         JOIN accounts a ON a.id = s.account_id WHERE a.agentcache_user_id = 'balance')",
    );
    assert_eq!(row.await[0][0]["bytes"], 301_234);

    let path = format!("/api/storage/files/{}", simple["asset"]["id"].as_str().unwrap());
    let mut gone: Vec<u16> = join_all((0..4).map(|_| async { stack.request(Method::DELETE, &path, &account).answer().await.0 })).await;
    gone.sort_unstable();
    assert_eq!(gone[0], 204);
    assert_eq!(stack.used_and_reserved(&account).await, (300_000, 0));

    let account_row = "SELECT u.storage_bytes, u.request_count, u.period_end - u.period_start AS span FROM storage_usage u \
         JOIN accounts a ON a.id = u.account_id WHERE a.agentcache_user_id = 'balance'";
    eventually(BY_ITSELF, async || {
        let rows = stack.sql(account_row).await;
        let known = rows[0].first().is_some_and(|row| row["storage_bytes"] == 300_000 && row["request_count"].as_u64() > Some(0));
        done_or(known, format!("D1 has {rows:?}"))
    })
    .await;
}

#[tokio::test]
async fn failed_upload_releases_its_reservation() {
    let stack = Stack::start(&[]).await;
    let unlucky = stack.account("unlucky").tier("pro").create().await;
    stack.proxy.inject(|_, _| Some(Fault::Answer(503, "SlowDown")));
    assert_eq!(upload(&stack, &unlucky, &random_bytes(5_000)).await.0, 503);
    assert_eq!(stack.track(&unlucky, json!({ "action": "start", "fileName": "x", "fileSize": 5_000 })).await.0, 503);
    stack.proxy.clear_faults();
    assert_eq!(stack.used_and_reserved(&unlucky).await, (0, 0));
    let wrong = stack
        .request(Method::POST, "/api/storage/upload", &unlucky)
        .header("X-File-Name", "w.bin")
        .header("X-Content-SHA256", "0".repeat(64))
        .body(random_bytes(100));
    assert_eq!(wrong.answer().await.0, 422);
    assert_eq!(stack.used_and_reserved(&unlucky).await, (0, 0));
    // Aborted at the store: the first part that is refused ends the session and releases its reservation.
    let started = stack.session(&unlucky).size(5_000).start().await;
    assert_eq!(stack.used_and_reserved(&unlucky).await, (0, 5_000));
    stack.abort_at_store(&started).await;
    assert_eq!(stack.chunk(&started, 1, &random_bytes(5_000)).answer().await.0, 410);
    assert_eq!(stack.used_and_reserved(&unlucky).await, (0, 0));
}

#[tokio::test]
async fn expired_upload_releases_its_reservation_without_requests() {
    let stack = Stack::start(&[("SESSION_TTL_SECONDS", "20")]).await;
    let idle = stack.account("idle").tier("pro").create().await;
    let started = stack.session(&idle).size(12_000_000).start().await;
    let part = random_bytes(10_000_000);
    assert_eq!(stack.chunk(&started, 1, &part).answer().await.0, 200);
    assert_eq!(stack.used_and_reserved(&idle).await, (0, 12_000_000));
    wait_for_usage(&stack, &idle, (0, 0)).await;
    let upload_id = started["uploadId"].as_str().unwrap();
    assert!(!stack.bucket.open_upload_ids().await.iter().any(|open| open == upload_id), "nothing stays at the store");
    assert_eq!(stack.sql("SELECT status FROM upload_sessions").await[0][0]["status"], "expired");
    let (status, body) = stack.chunk(&started, 2, &part[..2_000_000]).answer().await;
    assert_eq!((status, &body["code"], &body["uploadStatus"]), (410, &json!("upload-closed"), &json!("expired")));
}

#[tokio::test]
async fn new_ledger_counts_existing_objects_once() {
    let stack = Stack::start(&[]).await;
    let veteran = stack.account("veteran").tier("pro").create().await;
    let insert: String = (1..=3)
        .map(|n| {
            format!(
                "INSERT INTO objects (id, namespace, s3_key, size, etag, verification, refs, created_at) VALUES ('{n}0000000-0000-4000-8000-000000000000', \
                 'jt_user_veteran', 'users/veteran/o/{n}', {n}000, 'e', 'none', 2, 0); "
            )
        })
        .chain([(1, 1), (2, 1), (3, 2), (4, 3)].map(|(asset, object)| {
            format!(
                "INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, uploaded_via, created_at) SELECT \
                 'a000000{asset}-0000-4000-8000-000000000000', id, 'jt_user_veteran', '{object}0000000-0000-4000-8000-000000000000', 'n', 'a/b', 'simple', 0 \
                 FROM accounts WHERE agentcache_user_id = 'veteran'; "
            )
        }))
        .collect();
    stack.sql(&insert).await;
    assert_eq!(stack.used_and_reserved(&veteran).await, (6_000, 0), "two assets of one object are paid once");
    let path = "/api/storage/files/a0000001-0000-4000-8000-000000000000";
    assert_eq!(stack.request(Method::DELETE, path, &veteran).answer().await.0, 204);
    assert_eq!(stack.used_and_reserved(&veteran).await, (6_000, 0), "the other asset still pays");
    let path = "/api/storage/files/a0000002-0000-4000-8000-000000000000";
    assert_eq!(stack.request(Method::DELETE, path, &veteran).answer().await.0, 204);
    assert_eq!(stack.used_and_reserved(&veteran).await, (5_000, 0));
}

#[tokio::test]
async fn workerd_killed_during_start_releases_the_reservation() {
    let stack = Stack::start(&[]).await;
    let mortal = stack.account("mortal").tier("pro").create().await;
    // The store is slow to open uploads: the Worker is killed after it reserved and before it has an upload id.
    stack.proxy.inject(|method, target| (method == "POST" && target.contains("uploads")).then_some(Fault::Slow(60_000)));
    let start = stack.request(Method::POST, "/api/jetty/track-upload", &mortal).json(&json!({ "action": "start", "fileName": "x", "fileSize": 777 }));
    let call = tokio::spawn(start.sent());
    wait_for_usage(&stack, &mortal, (0, 777)).await;
    stack.worker.lock().await.kill_and_restart().await.unwrap();
    stack.proxy.clear_faults();
    call.abort();
    wait_for_usage(&stack, &mortal, (0, 0)).await;
    let started = stack.session(&mortal).size(777).start().await;
    assert_eq!(stack.used_and_reserved(&mortal).await, (0, 777));
    let fail = action("fail", &started);
    assert_eq!(stack.track(&mortal, fail).await.0, 200);
    assert_eq!(stack.used_and_reserved(&mortal).await, (0, 0));
}

#[tokio::test]
async fn object_completed_before_a_crash_stays_and_is_charged() {
    // Long enough for the rows below to be inserted before the session expires.
    let stack = Stack::start(&[("SESSION_TTL_SECONDS", "15")]).await;
    let account = stack.account("phoenix").tier("pro").create().await;
    let bytes = random_bytes(4_321);
    let started = stack.session(&account).size(bytes.len()).start().await;
    stack.send_all_parts(&started, &bytes).await;
    // What a Worker leaves that is killed right after it wrote to D1: the store has the object and D1 the rows, session and ledger do not know.
    let claims = stack.upload_claims(&started);
    stack.bucket.complete_single_part(&claims.key, &claims.upload_id).await;
    let session = started["sessionId"].as_str().unwrap();
    stack
        .sql(&format!(
            "INSERT INTO objects (id, namespace, s3_key, size, etag, verification, created_at) SELECT '70000000-0000-4000-8000-000000000000', namespace, s3_key, \
             file_size, 'e', 'none', 0 FROM upload_sessions WHERE id = '{session}'; INSERT INTO assets (id, account_id, namespace, object_id, name, content_type, \
             uploaded_via, created_at) SELECT asset_id, account_id, namespace, '70000000-0000-4000-8000-000000000000', 'n', 'a/b', 'session', 0 \
             FROM upload_sessions WHERE id = '{session}'; UPDATE upload_sessions SET status = 'complete' WHERE id = '{session}'"
        ))
        .await;
    wait_for_usage(&stack, &account, (4_321, 0)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stack.bucket.get(&claims.key).await.as_deref(), Some(&bytes[..]), "the end of the session does not take the file with it");
    assert_eq!(stack.used_and_reserved(&account).await, (4_321, 0));
}
