//! Provisioning an account.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{PROVISION, files_status, provision_body};
use crate::harness::{Call, Stack, answer, at_once, credentials, origin_access, sha256, stack};
use crate::webhooks::Hook;

/// The value of `field` that all those answers have.
fn common_value<'a>(answers: &'a [(u16, Value)], field: &str) -> &'a str {
    let values: BTreeSet<_> = answers.iter().map(|(_, body)| body["account"][field].as_str().unwrap()).collect();
    assert_eq!(values.len(), 1, "{field}: {values:?}");
    values.first().unwrap()
}

#[tokio::test]
async fn each_provisioning_path_creates_one_account_and_repeats_its_credentials() {
    let stack = stack().await;
    let old = ["agentcache_user_id", "agentcache_email"];
    let new = ["user_id", "email"];
    let paths = [(PROVISION, old), ("/api/webhooks/jettythunder/provision", new), ("/api/webhooks/jetty/provision", new)];
    for (index, (path, [id, email])) in paths.into_iter().enumerate() {
        let user = format!("provision-{index}");
        let body = json!({ id: user, email: "someone@example.com", "tier": "pro", "future": [1] });
        let (status, first) = stack.webhook(path, body.clone()).await;
        assert_eq!((status, &first["cached"]), (201, &json!(false)), "{path}: {first}");
        let (key, secret) = (first["account"]["api_key"].as_str().unwrap(), first["account"]["api_secret"].as_str().unwrap());
        assert!(key.starts_with("jt_live_") && key.len() == 44 && secret.starts_with("jts_") && secret.len() == 44, "{first}");
        let account = json!({
            "id": first["account"]["id"], "agentcache_user_id": user, "api_key": key, "api_secret": secret, "tier": "pro", "storage_quota_gb": 20,
            "bandwidth_quota_gb": 50, "jetty_speed_enabled": true, "s3_bucket_name": origin_access().await.bucket,
            "s3_prefix": format!("users/{user}/"), "namespace": format!("jt_user_{user}"), "status": "active"
        });
        assert_eq!(first, json!({ "account": account, "cached": false }));
        for (path, body) in [(path, body), (PROVISION, provision_body(&user, "pro"))] {
            let (status, again) = stack.webhook(path, body).await;
            assert_eq!((status, again), (200, json!({ "account": account, "cached": true })), "{path}");
        }

        let account = credentials(&first);
        let list = stack.request(Method::GET, "/api/storage/files", &account).sent().await.unwrap();
        assert_eq!(answer(list).await, (200, json!({ "files": [], "cursor": null })));
        let asset = stack.asset(&account).bytes(b"mine".to_vec()).store().await;
        assert_eq!(asset["namespace"], format!("jt_user_{user}"));
        assert!(asset["s3Key"].as_str().unwrap().starts_with(&format!("users/{user}/o/")), "{asset}");
        assert_eq!(stack.bucket.get(asset["s3Key"].as_str().unwrap()).await.as_deref(), Some(b"mine".as_slice()));
    }
    for path in ["/api/webhooks/jettythunder/upgrade", "/api/webhooks/jetty/upgrade"] {
        let (status, body) = stack.webhook(path, json!({ "user_id": "provision-0", "tier": "business" })).await;
        assert_eq!((status, &body["account"]["tier"], &body["account"]["api_key"]), (200, &json!("business"), &Value::Null), "{path}: {body}");
    }
}

/// Asserts that all these answers are of one account with one row in each table, and that neither the database nor the log contains its secrets.
async fn assert_one_account(stack: &Stack, user: &str, answers: &[(u16, Value)]) {
    let (id, key, secret) = (common_value(answers, "id"), common_value(answers, "api_key"), common_value(answers, "api_secret"));
    assert_eq!(files_status(stack, &credentials(&answers[0].1)).await, 200);
    let statements = format!(
        "SELECT COUNT(*) AS n FROM accounts WHERE agentcache_user_id = '{user}'; SELECT COUNT(*) AS n FROM credentials WHERE account_id = '{id}'; \
         SELECT COUNT(*) AS n FROM namespace_members WHERE account_id = '{id}' AND namespace = 'jt_user_{user}'; \
         SELECT * FROM credentials; SELECT * FROM webhook_inbox; SELECT * FROM idempotency"
    );
    let rows = stack.sql(&statements).await;
    for counted in &rows[..3] {
        assert_eq!(counted, &[json!({ "n": 1 })]);
    }
    assert!(rows[3..].iter().all(|table| !table.is_empty()), "all three tables have rows");
    let rows = json!(rows).to_string();
    assert!(rows.contains(&sha256(key.as_bytes())) && rows.contains(&sha256(secret.as_bytes())), "hashes are kept");
    let log = std::fs::read_to_string(stack.worker.lock().await.log()).unwrap();
    assert!(log.contains("requestId"), "the log is the Worker's");
    for text in [&rows, &log] {
        assert!(!text.contains(key) && !text.contains(secret), "nothing in clear");
    }
}

#[tokio::test]
async fn fifty_concurrent_provisions_create_one_account() {
    // A stack of its own: reading the database past the Worker locks it.
    let stack = &Stack::start(&[]).await;
    let call = || stack.backend(Method::POST, PROVISION).json(&provision_body("fifty", "pro"));
    let mut answers = at_once((0..50).map(|_| call())).await;
    let created = answers.iter().filter(|(status, body)| *status == 201 && body["cached"] == false).count();
    let repeated = answers.iter().filter(|(status, body)| *status == 200 && body["cached"] == true).count();
    assert_eq!((created, repeated), (1, 49));
    answers.push(call().header("Idempotency-Key", "fifty").answer().await);

    let signed = Hook::new("fifty-signed");
    let body = provision_body("fifty-signed", "pro").to_string();
    let same = at_once((0..50).map(|_| signed.post(stack, PROVISION, &body))).await;
    assert!(same.iter().all(|answer| *answer == same[0]), "one webhook-id, one answer");
    assert_eq!((same[0].0, &same[0].1["cached"]), (201, &json!(false)));
    for (user, answers) in [("fifty", answers), ("fifty-signed", same)] {
        assert_one_account(stack, user, &answers).await;
    }
}
