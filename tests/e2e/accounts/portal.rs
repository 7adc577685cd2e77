//! What operators see of accounts, deleting them, statements and figures of provisioning.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{PROVISION, provision_body, user_body};
use crate::harness::{Call, Stack, eventually_every, random_bytes, unique};
use crate::video::put_video;

async fn operator(stack: &Stack, method: Method, path: &str) -> (u16, Value) {
    stack.operator(method, path).answer().await
}

#[tokio::test]
async fn deleted_account_is_suspended_at_once_and_gone_with_all_it_had_while_others_keep_theirs() {
    let stack = Stack::start(&[]).await;
    let (gone, stays) = (stack.account("gone").tier("enterprise").create().await, stack.account("stays").tier("enterprise").create().await);
    let shared = stack.namespace(&unique("jt_customer_")).member(&gone).member(&stays).create().await;
    let asset = stack.asset(&gone).bytes(random_bytes(5_000)).store().await;
    let other = stack.asset(&stays).bytes(random_bytes(6_000)).store().await;
    assert!(put_video(&stack, &gone, "film/index.m3u8", "#EXTM3U\n#EXT-X-ENDLIST\n").await.0 < 300);
    stack.session(&gone).size(20_000_000).start().await;
    let path = "/api/portal/accounts/gone";
    let (status, seen) = operator(&stack, Method::GET, path).await;
    assert_eq!((status, &seen["status"], &seen["storage_reserved_bytes"]), (200, &json!("active"), &json!(20_000_000)), "{seen}");
    assert!(seen["objects"] == 2 && seen["last_seen"].is_string() && seen["storage_used_bytes"].as_u64() > Some(5_000), "{seen}");

    let (status, first) = operator(&stack, Method::DELETE, path).await;
    assert_eq!((status, &first["status"]), (202, &json!("deleting")), "{first}");
    assert_eq!(operator(&stack, Method::DELETE, path).await, (202, first), "repeated");
    assert_eq!(stack.get(&gone, "/api/storage/files").await.0, 403);
    for (path, body) in [(PROVISION, provision_body("gone", "enterprise")), ("/api/agentcache/resume", user_body("gone"))] {
        let (status, body) = stack.webhook(path, body).await;
        assert_eq!((status, &body["code"]), (409, &json!("account-deleting")), "{path}");
    }
    assert_eq!(operator(&stack, Method::GET, path).await.1["status"], "deleting");
    // The job ends and deletes what there is; then, as if hours had passed, the daily run sends it again.
    eventually_every(Duration::from_millis(500), Duration::from_secs(60), async || {
        let left = stack
            .sql(
                "SELECT (SELECT COUNT(*) FROM assets a JOIN accounts c ON c.id = a.account_id WHERE c.agentcache_user_id = 'gone') \
                 + (SELECT COUNT(*) FROM upload_sessions WHERE namespace = 'jt_user_gone' AND status = 'open') \
                 + (SELECT COUNT(*) FROM video_files WHERE namespace = 'jt_user_gone') AS n",
            )
            .await;
        if left[0][0]["n"] == 0 { Ok(()) } else { Err(left[0][0].clone()) }
    })
    .await;
    stack.sql("UPDATE accounts SET deleting_at = deleting_at - 80000000 WHERE agentcache_user_id = 'gone'; UPDATE objects SET doomed_at = 1 WHERE refs = 0").await;
    eventually_every(Duration::from_secs(4), Duration::from_secs(90), async || {
        stack.run_daily().await;
        let (status, body) = operator(&stack, Method::GET, path).await;
        if status == 404 { Ok(()) } else { Err(body) }
    })
    .await;
    let rows = stack
        .sql(
            "SELECT (SELECT COUNT(*) FROM namespaces WHERE name = 'jt_user_gone') + (SELECT COUNT(*) FROM objects WHERE namespace = 'jt_user_gone') \
             + (SELECT COUNT(*) FROM accounts WHERE agentcache_user_id = 'gone') AS n",
        )
        .await;
    assert_eq!(rows[0][0]["n"], 0);
    assert_eq!(stack.bucket.get(asset["s3Key"].as_str().unwrap()).await, None, "its bytes are gone");
    assert_eq!(operator(&stack, Method::DELETE, path).await.0, 404);
    assert_eq!(stack.get(&stays, &format!("/api/storage/files/{}", other["id"].as_str().unwrap())).await.0, 200);
    assert_eq!(stack.get(&stays, &format!("/api/portal/namespaces/{shared}")).await.0, 200);
    let (status, again) = stack.webhook(PROVISION, provision_body("gone", "pro")).await;
    assert!(status == 201 && again["account"]["id"] != seen["id"], "{again}");
    assert_eq!(operator(&stack, Method::GET, path).await.1["objects"], 0);
}

#[tokio::test]
async fn accounts_are_listed_provisioning_is_counted_and_a_statement_tells_the_month_so_far() {
    let stack = Stack::start(&[]).await;
    let users = ["list-a", "list-b", "list-c"];
    for user in users {
        assert_eq!(stack.webhook(PROVISION, provision_body(user, "pro")).await.0, 201);
    }
    assert_eq!(stack.webhook(PROVISION, provision_body("list-a", "pro")).await.0, 200);
    assert_eq!(stack.webhook(PROVISION, provision_body("list-a", "free")).await.0, 409);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = operator(&stack, Method::GET, &format!("/api/portal/accounts?q=list-&limit=2&cursor={cursor}")).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["accounts"].as_array().unwrap().iter().map(|row| row["agentcache_user_id"].as_str().unwrap().to_owned()));
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, users);
    eventually_every(Duration::from_millis(300), Duration::from_secs(20), async || {
        let (_, figures) = operator(&stack, Method::GET, "/api/portal/provisioning?period=24h").await;
        let is_right = figures["created"] == 3 && figures["existing"] == 1 && figures["refused"]["downgrade-refused"] == 1;
        if is_right && figures["calls"] == 5 && figures["p95_ms"].is_number() { Ok(()) } else { Err(figures) }
    })
    .await;
    assert_eq!(operator(&stack, Method::GET, "/api/portal/provisioning?period=1y").await.0, 422);

    stack.asset(&stack.dev).bytes(random_bytes(70_000)).store().await;
    let (status, month) = stack.get(&stack.dev, "/api/agentcache/statement").await;
    assert_eq!((status, &month["closed"], &month["storage_bytes"]), (200, &json!(false), &json!(70_000)), "{month}");
    assert!(month["storage_gb_months"].as_f64().is_some_and(|stored| stored >= 0.0) && month["request_count"].as_u64() > Some(0), "{month}");
    let past = format!("/api/agentcache/statement?period=2025-01&agentcache_user_id={}", stack.dev.user_id);
    let (status, past) = operator(&stack, Method::GET, &past).await;
    assert_eq!((status, &past["closed"], &past["total_cost"]), (200, &json!(true), &json!(0.0)), "{past}");
    for bad in ["2026-13", "9999-01", "x"] {
        let (status, body) = stack.get(&stack.dev, &format!("/api/agentcache/statement?period={bad}")).await;
        assert_eq!((status, &body["field"]), (422, &json!("period")), "{body}");
    }
    assert_eq!(operator(&stack, Method::GET, "/api/agentcache/statement").await.1["field"], "agentcache_user_id");
    let csv = stack.request(Method::GET, "/api/agentcache/statement", &stack.dev).header("Accept", "text/csv").sent().await.unwrap();
    assert_eq!(csv.headers()["content-type"], "text/csv; charset=utf-8");
    let csv = csv.text().await.unwrap();
    assert!(csv.starts_with("agentcache_user_id,period,") && csv.lines().count() == 2, "{csv}");
}
