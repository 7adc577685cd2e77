//! `Idempotency-Key`: a call repeated under one key runs once.

use std::time::Duration;

use jettyspeed_devstack::proxy::Fault;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::harness::{Call, Stack, answer, at_once, raw_answer, sha256, stack, stack_with_two_webhook_secrets};

#[tokio::test]
async fn start_repeated_under_one_key_returns_the_first_session() {
    let stack = stack().await;
    let (one, two) = (stack.account("key-one").tier("pro").create().await, stack.account("key-two").tier("pro").create().await);
    let start = |account: &AccountAccess, size: u64| {
        let body = json!({ "action": "start", "fileName": "a.bin", "fileSize": size });
        stack.request(Method::POST, "/api/jetty/track-upload", account).header("Idempotency-Key", "start-1").json(&body)
    };
    let first = raw_answer(start(&one, 1_000).sent().await.unwrap()).await;
    assert_eq!((first.0, first.1), (201, false));
    assert!(raw_answer(start(&one, 1_000).sent().await.unwrap()).await == (201, true, first.2.clone()));
    let (status, body) = start(&one, 1_001).answer().await;
    assert_eq!((status, &body["code"]), (422, &json!("idempotency-key-reused")));
    let (status, body) = start(&two, 1_001).answer().await;
    assert_eq!(status, 201, "another account's key is another key: {body}");
    for account in [&one, &two] {
        let (_, body) = stack.get(account, "/api/jetty/sessions?status=open").await;
        assert_eq!(body["sessions"].as_array().unwrap().len(), 1, "{body}");
    }
    let token: Value = serde_json::from_slice(&first.2).unwrap();
    assert_eq!(stack.chunk(&token, 1, &[7; 1_000]).answer().await.0, 200, "the repeated answer's token is good");
    for bad in [&"x".repeat(256), "a,b", ""] {
        let body = json!({ "action": "start", "fileName": "a", "fileSize": 1 });
        let request = stack.request(Method::POST, "/api/jetty/track-upload", &one).header("Idempotency-Key", bad).json(&body);
        assert_eq!(request.answer().await.0, 400, "{bad:?}");
    }
    let longest = "x".repeat(255);
    let body = json!({ "action": "start", "fileName": "a", "fileSize": 1 });
    let request = stack.request(Method::POST, "/api/jetty/track-upload", &one).header("Idempotency-Key", &longest).json(&body);
    assert_eq!(request.answer().await.0, 201);
}

#[tokio::test]
async fn concurrent_starts_under_one_key_create_one_session() {
    let stack = stack_with_two_webhook_secrets().await;
    let account = stack.account("key-race").tier("pro").create().await;
    let start = |key: &str| {
        let body = json!({ "action": "start", "fileName": "a.bin", "fileSize": 1_000 });
        stack.request(Method::POST, "/api/jetty/track-upload", &account).header("Idempotency-Key", key).json(&body)
    };
    let open = async || {
        let (_, body) = stack.get(&account, "/api/jetty/sessions?status=open").await;
        body["sessions"].as_array().unwrap().len()
    };
    let answers = at_once((0..10).map(|_| start("race"))).await;
    let run: Vec<_> = answers.iter().filter(|(status, _)| *status == 201).collect();
    assert!(!run.is_empty() && run.iter().all(|answer| *answer == run[0]), "{answers:?}");
    assert!(answers.iter().all(|(status, body)| *status == 201 || (*status == 409 && body["code"] == "request-running")), "{answers:?}");
    assert_eq!(open().await, 1);

    stack.proxy.inject(|method, target| (method == Method::POST && target.contains("users/key-race/")).then_some(Fault::Slow(2_000)));
    let slow = tokio::spawn(start("slow").sent());
    tokio::time::sleep(Duration::from_millis(700)).await;
    let early = start("slow").sent().await.unwrap();
    assert_eq!(early.headers()["retry-after"], "1");
    let (status, body) = answer(early).await;
    assert_eq!((status, &body["code"]), (409, &json!("request-running")));
    let first = answer(slow.await.unwrap().unwrap()).await;
    stack.proxy.clear_faults();
    assert_eq!(first.0, 201);
    assert_eq!(start("slow").answer().await, first);
    assert_eq!(open().await, 2);
}

#[tokio::test]
async fn upload_repeated_under_one_key_stores_one_file() {
    let stack = stack().await;
    let (one, two) = (stack.account("file-one").tier("pro").create().await, stack.account("file-two").tier("pro").create().await);
    let post = |account: &AccountAccess, key: &str| stack.request(Method::POST, "/api/storage/upload", account).header("Idempotency-Key", key);
    let send = |kind: &str, account: &AccountAccess, name: &str, body: &'static str| match kind {
        "raw" => post(account, kind).header("X-File-Name", name).body(body),
        _ => post(account, kind).multipart(Form::new().part("file", Part::bytes(body.as_bytes()).file_name(name.to_owned()))),
    };
    for (index, kind) in ["raw", "form"].into_iter().enumerate() {
        let upload = |account: &AccountAccess, name: &str, body: &'static str| send(kind, account, name, body);
        let (status, repeated, first) = raw_answer(upload(&one, "a.txt", "abc").sent().await.unwrap()).await;
        assert_eq!((status, repeated), (201, false));
        assert!(raw_answer(upload(&one, "a.txt", "abc").sent().await.unwrap()).await == (201, true, first.clone()));
        for (name, body) in [("b.txt", "abc"), ("a.txt", "abcd")] {
            let (status, answer) = upload(&one, name, body).answer().await;
            assert_eq!((status, &answer["code"]), (422, &json!("idempotency-key-reused")), "{name} {body}");
        }
        let (status, others) = upload(&two, "a.txt", "abc").answer().await;
        let first: Value = serde_json::from_slice(&first).unwrap();
        assert!(status == 201 && others["asset"]["id"] != first["asset"]["id"], "{others}");
        for account in [&one, &two] {
            let (_, list) = stack.get(account, "/api/storage/files").await;
            assert_eq!(list["files"].as_array().unwrap().len(), index + 1, "{list}");
        }
    }
    let hashed = |hash: String| send("raw", &one, "a.txt", "abc").header("X-Content-SHA256", hash);
    assert_eq!(hashed(sha256(b"abc")).answer().await.1["code"], "idempotency-key-reused", "the declared hash is of the request");
    let (_, quota) = stack.get(&one, "/api/agentcache/quota").await;
    assert_eq!((&quota["storage_used_bytes"], &quota["storage_reserved_bytes"]), (&json!(6), &json!(0)), "paid once each");
    let racing = at_once((0..8).map(|_| post(&two, "race").header("X-File-Name", "r").body("race"))).await;
    assert!(racing.iter().all(|(status, body)| *status == 201 || (*status == 409 && body["code"] == "request-running")), "{racing:?}");
    let (_, list) = stack.get(&two, "/api/storage/files").await;
    assert_eq!(list["files"].as_array().unwrap().len(), 3, "{list}");
}

#[tokio::test]
async fn namespace_creation_repeated_under_one_key_creates_one() {
    let stack = stack().await;
    let create =
        |key: &str, body: Value| stack.operator(Method::POST, "/api/portal/namespaces").header("Idempotency-Key", key.to_owned()).json(&body);
    let plain = json!({ "name": "jt_customer_keyed", "display_name": "Keyed" });
    let first = raw_answer(create("ns-1", plain.clone()).sent().await.unwrap()).await;
    assert_eq!((first.0, first.1), (201, false), "{}", String::from_utf8_lossy(&first.2));
    assert!(raw_answer(create("ns-1", plain.clone()).sent().await.unwrap()).await == (201, true, first.2));
    let (status, body) = create("ns-1", json!({ "name": "jt_customer_keyed", "display_name": "Other" })).answer().await;
    assert_eq!((status, &body["code"]), (422, &json!("idempotency-key-reused")));
    for _ in 0..2 {
        let (status, body) = create("ns-2", plain.clone()).answer().await;
        assert_eq!((status, &body["code"]), (409, &json!("already-exists")));
    }
    let gone = stack.operator(Method::DELETE, "/api/portal/namespaces/jt_customer_keyed").sent().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(create("ns-2", plain).answer().await.0, 201, "a refusal is not kept");
    for bad in ["x".repeat(256), "a,b".to_owned()] {
        assert_eq!(create(&bad, json!({ "name": "jt_customer_bad" })).answer().await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn refused_start_can_be_retried_under_its_key() {
    let stack = stack().await;
    let account = stack.account("key-refused").tier("starter").create().await;
    let start = || {
        let body = json!({ "action": "start", "fileName": "a.bin", "fileSize": 1_000 });
        stack.request(Method::POST, "/api/jetty/track-upload", &account).header("Idempotency-Key", "again").json(&body)
    };
    for _ in 0..2 {
        let (status, body) = start().answer().await;
        assert_eq!((status, &body["code"]), (403, &json!("tier-forbidden")));
    }
    assert_eq!(stack.webhook("/api/agentcache/upgrade", json!({ "user_id": "key-refused", "tier": "pro" })).await.0, 200);
    assert_eq!(start().answer().await.0, 201);
}

#[tokio::test]
async fn caller_with_50000_keys_of_a_day_gets_429_for_another_and_its_answers_for_the_old() {
    let stack = Stack::start(&[]).await;
    let account = stack.account("key-collector").tier("pro").create().await;
    let start = |key: &str| {
        let body = json!({ "action": "start", "fileName": "a.bin", "fileSize": 1_000 });
        stack.request(Method::POST, "/api/jetty/track-upload", &account).header("Idempotency-Key", key).json(&body)
    };
    // The Worker counts the rows when it first sees a key of this account, so they are there before.
    let id = stack.sql("SELECT id FROM accounts WHERE agentcache_user_id = 'key-collector'").await[0][0]["id"].as_str().unwrap().to_owned();
    stack
        .sql(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 49999) \
             INSERT INTO idempotency (scope, key, fingerprint, claim, claimed_at, expires_at) SELECT '{id}', 'old-' || i, '', '', 0, 9007199254740991 FROM n"
        ))
        .await;
    let first = raw_answer(start("last").sent().await.unwrap()).await;
    assert_eq!((first.0, first.1), (201, false));
    let (status, body) = start("one-more").answer().await;
    assert_eq!((status, &body["code"], &body["limit"]), (429, &json!("rate-limited"), &json!(50_000)), "{body}");
    assert_eq!(raw_answer(start("last").sent().await.unwrap()).await, (201, true, first.2));
    let body = json!({ "action": "start", "fileName": "a.bin", "fileSize": 1_000 });
    let without = stack.request(Method::POST, "/api/jetty/track-upload", &account).json(&body);
    assert_eq!(without.answer().await.0, 201, "without a key nothing is stored");
}
