//! How many files an account has and how many uploads it has open.

use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Call, Stack, action, answer, at_once, done_or, eventually, rate_limit, retry_after, sha256, unique};

/// An upload in one request.
fn raw(stack: &Stack, account: &AccountAccess, bytes: &str) -> RequestBuilder {
    stack.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", unique("a")).body(bytes.to_owned())
}

/// A file of a video.
fn video_file(stack: &Stack, account: &AccountAccess, name: &str) -> RequestBuilder {
    stack.request(Method::PUT, &format!("/api/video/tape/{name}.ts"), account).body("")
}

fn statuses(answers: &[(u16, Value)], status: u16) -> usize {
    answers.iter().filter(|(got, _)| *got == status).count()
}

#[tokio::test]
async fn every_way_to_store_a_file_returns_507_at_max_objects() {
    let stack = Stack::start(&[]).await;
    stack.patch_tier("pro", json!({ "max_objects": 4 })).await;
    let account = stack.account("many").tier("pro").create().await;
    let counts = async || {
        let quota = stack.quota(&account).await;
        ["max_objects", "objects_used", "objects_reserved", "max_open_uploads", "open_uploads"].map(|name| quota[name].as_u64().unwrap())
    };
    // One of each kind; none costs more than a byte.
    let (status, body) = raw(&stack, &account, "").answer().await;
    assert_eq!(status, 201, "{body}");
    let first = body["asset"].clone();
    assert_eq!(video_file(&stack, &account, "a").answer().await.0, 201);
    let started = stack.session(&account).size(1).hash(&sha256(b"x")).start().await;
    assert_eq!(counts().await, [4, 2, 1, 100, 1]);
    stack.send_all_parts(&started, b"x").await;
    let (status, done) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(stack.verified(&account, done["asset"]["id"].as_str().unwrap()).await["verification"], "verified");
    let refer = |name: &str| json!({ "action": "start", "fileName": name, "fileSize": 1, "fileHash": sha256(b"x") });
    let (status, body) = stack.track(&account, refer("second-name")).await;
    assert_eq!((status, &body["duplicate"]), (200, &json!(true)), "{body}");
    assert_eq!(counts().await, [4, 4, 0, 100, 0]);

    let form = || Form::new().part("file", Part::bytes(vec![]).file_name("f.txt"));
    let full = |(status, body): (u16, Value)| {
        assert_eq!((status, &body["code"], &body["limit"], &body["used"]), (507, &json!("too-many-objects"), &json!(4), &json!(4)), "{body}");
    };
    full(raw(&stack, &account, "").answer().await);
    full(stack.request(Method::POST, "/api/storage/upload", &account).multipart(form()).answer().await);
    full(video_file(&stack, &account, "b").answer().await);
    full(stack.track(&account, json!({ "action": "start", "fileName": "b", "fileSize": 1 })).await);
    full(stack.track(&account, refer("third-name")).await);
    assert_eq!(counts().await, [4, 4, 0, 100, 0], "what was refused counts nothing");
    assert_eq!(video_file(&stack, &account, "a").answer().await.0, 200, "a file is replaced all the same");
    assert_eq!(counts().await, [4, 4, 0, 100, 0]);

    stack.delete(&account, &first).await;
    assert_eq!(raw(&stack, &account, "").answer().await.0, 201);
    let (status, body) = stack.webhook("/api/agentcache/upgrade", json!({ "agentcache_user_id": "many", "tier": "free", "force": true })).await;
    assert_eq!(status, 200, "{body}");
    stack.patch_tier("starter", json!({ "max_objects": 3 })).await;
    let (status, body) = stack.webhook("/api/agentcache/upgrade", json!({ "agentcache_user_id": "many", "tier": "starter" })).await;
    assert_eq!((status, &body["resource"], &body["limit"], &body["used"]), (409, &json!("objects"), &json!(3), &json!(4)), "{body}");
}

#[tokio::test]
async fn of_400_empty_video_files_at_once_max_objects_are_stored_and_puts_are_paced() {
    let stack = Stack::start(&[]).await;
    stack.patch_tier("starter", json!({ "max_objects": 150 })).await;
    let account = stack.account("filler").tier("starter").create().await;
    let puts: Vec<_> = (0..400).map(|number| video_file(&stack, &account, &format!("{number}"))).collect();
    let answers = at_once(puts).await;
    assert_eq!((statuses(&answers, 201), statuses(&answers, 507)), (150, 250));
    let quota = stack.quota(&account).await;
    assert_eq!((&quota["objects_used"], &quota["objects_reserved"], &quota["storage_used_bytes"]), (&json!(150), &json!(0), &json!(0)));

    // Ten times the tier's requests per minute, apart from them.
    stack.patch_tier("starter", json!({ "requests_per_minute": 2 })).await;
    let paced = stack.account("streamer").tier("starter").create().await;
    let response = video_file(&stack, &paced, "a").sent().await.unwrap();
    assert_eq!((response.status().as_u16(), rate_limit(&response).0.as_str()), (201, "\"video\";q=20;w=60"));
    let refused = loop {
        let response = video_file(&stack, &paced, "a").sent().await.unwrap();
        if response.status() != 200 {
            break response;
        }
    };
    assert!((1..=3).contains(&retry_after(&refused)));
    let (status, body) = answer(refused).await;
    assert_eq!((status, &body["code"], &body["limit"]), (429, &json!("rate-limited"), &json!(20)), "{body}");
    assert_eq!(stack.get(&paced, "/api/storage/files").await.0, 200, "the API has its own pace");
}

#[tokio::test]
async fn of_60_sessions_at_once_max_open_uploads_start_and_a_lost_ledger_still_knows_them() {
    let stack = Stack::start(&[]).await;
    stack.patch_tier("pro", json!({ "max_open_uploads": 20 })).await;
    let account = stack.account("opener").tier("pro").create().await;
    let start =
        || stack.request(Method::POST, "/api/jetty/track-upload", &account).json(&json!({ "action": "start", "fileName": "a", "fileSize": 1 }));
    let answers = at_once((0..60).map(|_| start())).await;
    assert_eq!((statuses(&answers, 201), statuses(&answers, 429)), (20, 40));
    let full = |(status, body): (u16, Value)| {
        assert_eq!((status, &body["code"], &body["limit"], &body["used"]), (429, &json!("too-many-uploads"), &json!(20), &json!(20)), "{body}");
        assert!(body["retryAfter"].is_u64());
    };
    full(start().answer().await);
    assert_eq!(raw(&stack, &account, "ab").answer().await.0, 201, "a file in one request is no open upload");
    let open: Vec<_> = answers.into_iter().filter(|(status, _)| *status == 201).map(|(_, body)| body).collect();
    assert_eq!(stack.track(&account, action("fail", &open[0])).await.0, 200);
    stack.send_all_parts(&open[1], b"x").await;
    assert_eq!(stack.track(&account, action("complete", &open[1])).await.0, 200);
    assert!(start().answer().await.0 == 201 && start().answer().await.0 == 201);
    full(start().answer().await);

    // The ledger's storage is lost: D1 has everything that it needs.
    let figures = |quota: &Value| {
        ["storage_used_bytes", "storage_reserved_bytes", "objects_used", "objects_reserved", "open_uploads"].map(|name| quota[name].as_u64().unwrap())
    };
    let before = figures(&stack.quota(&account).await);
    assert_eq!(before, [3, 20, 2, 20, 20]);
    {
        let mut worker = stack.worker.lock().await;
        worker.kill();
        let folder = worker.setup().state.join("v3/do/jettyspeed-edge-AccountLedger");
        assert!(std::fs::read_dir(&folder).unwrap().count() > 0);
        std::fs::remove_dir_all(folder).unwrap();
        worker.restart().await.unwrap();
    }
    full(start().answer().await);
    assert_eq!(figures(&stack.quota(&account).await), before);
    stack.send_all_parts(&open[2], b"x").await;
    assert_eq!(stack.track(&account, action("complete", &open[2])).await.0, 200);
    assert_eq!(start().answer().await.0, 201);
    assert_eq!(figures(&stack.quota(&account).await), [4, 20, 3, 20, 20]);
}

#[tokio::test]
async fn closed_uploads_are_forgotten_after_90_days_and_open_ones_are_not() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("historian").tier("pro").create().await;
    let started = [stack.session(&account).size(1).start().await, stack.session(&account).size(1).start().await];
    let ended = stack.session(&account).size(1).start().await;
    assert_eq!(stack.track(&account, action("fail", &ended)).await.0, 200);
    assert_eq!(stack.track(&account, action("fail", &started[1])).await.0, 200);
    let id = |started: &Value| started["sessionId"].as_str().unwrap().to_owned();
    // The rows of two are as if from long ago; and there are 2,500 more than one step deletes.
    let old = "(strftime('%s') - 90 * 86400 - 60) * 1000";
    stack
        .sql(&format!(
            "UPDATE upload_sessions SET updated_at = {old}, created_at = {old} WHERE id IN ('{}', '{}'); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
             INSERT INTO upload_sessions (id, account_id, namespace, s3_key, upload_id, file_name, file_size, chunk_size, content_type, allow_unsigned, status, \
             created_at, updated_at) SELECT 'old-' || i, u.account_id, u.namespace, u.s3_key, 'up-' || i, 'a', 1, 1, 'a/b', 0, 'expired', {old}, {old} \
             FROM n, upload_sessions u WHERE u.id = '{}';",
            id(&started[0]),
            id(&started[1]),
            id(&ended)
        ))
        .await;
    stack.run_daily().await;
    let mut kept = [id(&started[0]), id(&ended)];
    kept.sort();
    eventually(Duration::from_secs(60), async || {
        let rows = stack.sql("SELECT id FROM upload_sessions ORDER BY id").await;
        let rows: Vec<_> = rows[0].iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        done_or(rows == kept, format!("{} rows", rows.len()))
    })
    .await;
}
