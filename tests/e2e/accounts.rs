//! Accounts as the identity backend makes and changes them: provisioning, tiers, credentials, suspension.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::stack::{Stack, access, answer, at_once, origin_access, random_bytes, sha256, stack};

const PROVISION: &str = "/api/agentcache/provision";

fn wanted(user: &str, tier: &str) -> Value {
    json!({ "agentcache_user_id": user, "agentcache_email": format!("{user}@example.com"), "tier": tier })
}

fn of(user: &str) -> Value {
    json!({ "agentcache_user_id": user })
}

async fn upgrade(stack: &Stack, user: &str, tier: &str, force: bool) -> (u16, Value) {
    stack.tell("/api/agentcache/upgrade", json!({ "agentcache_user_id": user, "tier": tier, "force": force })).await
}

async fn rotated(stack: &Stack, body: Value) -> AccountAccess {
    let (status, body) = stack.tell("/api/agentcache/rotate", body).await;
    assert_eq!(status, 200, "{body}");
    access(&body)
}

/// The status of listing the account's files.
async fn opens(stack: &Stack, account: &AccountAccess) -> u16 {
    answer(stack.request(Method::GET, "/api/storage/files", account).send().await.unwrap()).await.0
}

/// One value of all accounts in those answers.
fn one<'a>(answers: &'a [(u16, Value)], field: &str) -> &'a str {
    let values: BTreeSet<_> = answers.iter().map(|(_, body)| body["account"][field].as_str().unwrap()).collect();
    assert_eq!(values.len(), 1, "{field}: {values:?}");
    values.first().unwrap()
}

#[tokio::test]
async fn every_path_provisions_once_and_repeats_the_credentials() {
    let stack = stack().await;
    let old = ["agentcache_user_id", "agentcache_email"];
    let new = ["user_id", "email"];
    let paths = [(PROVISION, old), ("/api/webhooks/jettythunder/provision", new), ("/api/webhooks/jetty/provision", new)];
    for (index, (path, [id, email])) in paths.into_iter().enumerate() {
        let user = format!("provision-{index}");
        let body = json!({ id: user, email: "someone@example.com", "tier": "pro", "future": [1] });
        let (status, first) = stack.tell(path, body.clone()).await;
        assert_eq!((status, &first["cached"]), (201, &json!(false)), "{path}: {first}");
        let (key, secret) = (first["account"]["api_key"].as_str().unwrap(), first["account"]["api_secret"].as_str().unwrap());
        assert!(key.starts_with("jt_live_") && key.len() == 44 && secret.starts_with("jts_") && secret.len() == 44, "{first}");
        let account = json!({
            "id": first["account"]["id"], "agentcache_user_id": user, "api_key": key, "api_secret": secret, "tier": "pro", "storage_quota_gb": 20,
            "bandwidth_quota_gb": 50, "jetty_speed_enabled": true, "s3_bucket_name": origin_access().await.bucket,
            "s3_prefix": format!("users/{user}/"), "namespace": format!("jt_user_{user}"), "status": "active"
        });
        assert_eq!(first, json!({ "account": account, "cached": false }));
        for (path, body) in [(path, body), (PROVISION, wanted(&user, "pro"))] {
            let (status, again) = stack.tell(path, body).await;
            assert_eq!((status, again), (200, json!({ "account": account, "cached": true })), "{path}");
        }

        let account = access(&first);
        let list = stack.request(Method::GET, "/api/storage/files", &account).send().await.unwrap();
        assert_eq!(answer(list).await, (200, json!({ "files": [], "cursor": null })));
        let asset = stack.stored(&account, b"mine".to_vec()).await;
        assert_eq!(asset["namespace"], format!("jt_user_{user}"));
        assert!(asset["s3Key"].as_str().unwrap().starts_with(&format!("users/{user}/o/")), "{asset}");
        assert_eq!(stack.bucket.get(asset["s3Key"].as_str().unwrap()).await.as_deref(), Some(b"mine".as_slice()));
    }
    for path in ["/api/webhooks/jettythunder/upgrade", "/api/webhooks/jetty/upgrade"] {
        let (status, body) = stack.tell(path, json!({ "user_id": "provision-0", "tier": "business" })).await;
        assert_eq!((status, &body["account"]["tier"], &body["account"]["api_key"]), (200, &json!("business"), &Value::Null), "{path}: {body}");
    }
}

/// All these answers are of one account, of which the database holds one row each, and neither it nor the log a secret in clear.
async fn assert_one_account(stack: &Stack, user: &str, answers: &[(u16, Value)]) {
    let (id, key, secret) = (one(answers, "id"), one(answers, "api_key"), one(answers, "api_secret"));
    assert_eq!(opens(stack, &access(&answers[0].1)).await, 200);
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
async fn fifty_calls_at_once_make_one_account() {
    // Its own: it reads the database beside the Worker, which locks it.
    let stack = &Stack::start(&[]).await;
    let call = || stack.backend(Method::POST, PROVISION).json(&wanted("fifty", "pro"));
    let mut answers = at_once((0..50).map(|_| call())).await;
    let created = answers.iter().filter(|(status, body)| *status == 201 && body["cached"] == false).count();
    let repeated = answers.iter().filter(|(status, body)| *status == 200 && body["cached"] == true).count();
    assert_eq!((created, repeated), (1, 49));
    answers.push(answer(call().header("Idempotency-Key", "fifty").send().await.unwrap()).await);

    let signed = crate::webhooks::Hook::new("fifty-signed");
    let body = wanted("fifty-signed", "pro").to_string();
    let same = at_once((0..50).map(|_| signed.post(stack, PROVISION, &body))).await;
    assert!(same.iter().all(|answer| *answer == same[0]), "one webhook-id, one answer");
    assert_eq!((same[0].0, &same[0].1["cached"]), (201, &json!(false)));
    for (user, answers) in [("fifty", answers), ("fifty-signed", same)] {
        assert_one_account(stack, user, &answers).await;
    }
}

#[tokio::test]
async fn after_thirty_days_only_new_credentials_help() {
    // Its own: it reads the database beside the Worker, which locks it.
    let stack = &Stack::start(&[]).await;
    let first = stack.provisioned("thirty-days", "starter").await;
    stack.sql("UPDATE credentials SET sealed_until = 1 WHERE account_id = (SELECT id FROM accounts WHERE agentcache_user_id = 'thirty-days')").await;
    let repeat = || stack.tell(PROVISION, wanted("thirty-days", "starter"));
    let (status, body) = repeat().await;
    assert_eq!((status, &body["cached"]), (200, &json!(true)), "{body}");
    assert_eq!((&body["account"]["api_key"], &body["account"]["api_secret"]), (&Value::Null, &Value::Null));
    assert_eq!(opens(stack, &first).await, 200, "what was issued works on");
    let second = rotated(stack, of("thirty-days")).await;
    assert!(second.api_key != first.api_key && second.api_secret != first.api_secret);
    let (status, body) = repeat().await;
    assert_eq!((status, body["account"]["api_key"].as_str()), (200, Some(second.api_key.as_str())), "these can be had again");
}

#[tokio::test]
async fn tiers_go_up_by_repeating_and_down_by_upgrade_onto_what_is_used() {
    let stack = stack().await;
    let code = |body: &Value| body["code"].as_str().unwrap_or_default().to_owned();
    let account = stack.provisioned("mover", "starter").await;
    assert_eq!(stack.track(&account, json!({ "action": "start", "fileName": "a", "fileSize": 1 })).await.0, 403);
    let (status, body) = stack.tell(PROVISION, wanted("mover", "pro")).await;
    assert_eq!((status, &body["cached"], &body["account"]["tier"]), (200, &json!(true), &json!("pro")), "{body}");
    assert_eq!((&body["account"]["storage_quota_gb"], &body["account"]["jetty_speed_enabled"]), (&json!(20), &json!(true)));
    let started = stack.started(&account, 1).await;
    let (status, body) = stack.track(&account, json!({ "action": "fail", "sessionId": started["sessionId"] })).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = stack.tell(PROVISION, wanted("mover", "starter")).await;
    assert_eq!((status, code(&body).as_str(), &body["tier"]), (409, "downgrade-refused", &json!("pro")));

    stack.stored(&account, random_bytes(1_234)).await;
    let (status, body) = upgrade(stack, "mover", "free", false).await;
    assert_eq!((status, code(&body).as_str()), (409, "below-usage"), "{body}");
    assert_eq!((&body["resource"], &body["limit"], &body["used"]), (&json!("storage"), &json!(0), &json!(1_234)));
    let (status, body) = upgrade(stack, "mover", "starter", false).await;
    assert_eq!((status, &body["account"]["tier"]), (200, &json!("starter")), "what it uses fits");
    assert_eq!(stack.track(&account, json!({ "action": "start", "fileName": "a", "fileSize": 1 })).await.0, 403);
    let (status, body) = upgrade(stack, "mover", "free", true).await;
    assert_eq!((status, &body["account"]["tier"], &body["account"]["storage_quota_gb"]), (200, &json!("free"), &json!(0)), "{body}");
    let more = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "b").body("b").send().await.unwrap();
    let (status, body) = answer(more).await;
    assert_eq!((status, &body["limit"], &body["used"]), (507, &json!(0), &json!(1_234)), "{body}");
    let (status, quota) = answer(stack.request(Method::GET, "/api/agentcache/quota", &account).send().await.unwrap()).await;
    assert_eq!(
        (status, &quota["tier"], &quota["storage_used_bytes"], &quota["storage_remaining_bytes"]),
        (200, &json!("free"), &json!(1_234), &json!(0))
    );

    let open = stack.provisioned("mover-open", "pro").await;
    stack.started(&open, 400_000_000).await;
    let (status, body) = upgrade(stack, "mover-open", "free", false).await;
    assert_eq!((status, &body["used"]), (409, &json!(400_000_000)), "what is reserved counts: {body}");

    for (path, body) in [(PROVISION, wanted("mover", "gold")), ("/api/agentcache/upgrade", json!({ "agentcache_user_id": "mover", "tier": "gold" }))]
    {
        let (status, body) = stack.tell(path, body).await;
        assert_eq!((status, code(&body).as_str(), &body["field"]), (422, "invalid-value", &json!("tier")), "{path}");
    }
    for action in ["upgrade", "rotate", "suspend", "resume"] {
        let body = json!({ "agentcache_user_id": "nobody-there", "tier": "pro" });
        let (status, body) = stack.tell(&format!("/api/agentcache/{action}"), body).await;
        assert_eq!((status, code(&body).as_str()), (404, "not-found"), "{action}");
    }
}

#[tokio::test]
async fn rotation_ends_the_old_credentials_when_it_says() {
    let stack = stack().await;
    let first = stack.provisioned("rotator", "pro").await;
    assert_eq!(opens(stack, &first).await, 200);
    let second = rotated(stack, of("rotator")).await;
    assert_eq!((opens(stack, &first).await, opens(stack, &second).await), (401, 200), "at once, also where the old ones were remembered");
    let mixed = AccountAccess { api_secret: first.api_secret.clone(), ..second.clone() };
    assert_eq!(opens(stack, &mixed).await, 401);

    let third = rotated(stack, json!({ "agentcache_user_id": "rotator", "overlap_seconds": 3 })).await;
    let rotated_at = Instant::now();
    assert_eq!((opens(stack, &second).await, opens(stack, &third).await), (200, 200));
    assert_eq!(opens(stack, &first).await, 401, "an overlap brings nothing back");
    tokio::time::sleep(Duration::from_millis(3_100).saturating_sub(rotated_at.elapsed())).await;
    assert_eq!((opens(stack, &second).await, opens(stack, &third).await), (401, 200));

    let fourth = rotated(stack, json!({ "agentcache_user_id": "rotator", "overlap_seconds": 600 })).await;
    let fifth = rotated(stack, of("rotator")).await;
    let now = [opens(stack, &third).await, opens(stack, &fourth).await, opens(stack, &fifth).await];
    assert_eq!(now, [401, 401, 200], "a rotation without overlap ends an earlier overlap");
    for bad in [json!(-1), json!(2_592_001), json!("3")] {
        let (status, _) = stack.tell("/api/agentcache/rotate", json!({ "agentcache_user_id": "rotator", "overlap_seconds": bad })).await;
        assert_eq!(status, 422, "{bad}");
    }
    assert_eq!(opens(stack, &fifth).await, 200);
}

#[tokio::test]
async fn suspension_stops_everything_and_resumption_goes_on() {
    let stack = stack().await;
    let account = stack.provisioned("switched", "enterprise").await;
    let asset = stack.stored(&account, random_bytes(5_000)).await;
    let (id, own) = (asset["id"].as_str().unwrap(), format!("/api/portal/namespaces/{}", account.namespace));
    let download = format!("/api/storage/download?assetId={id}");
    let url = answer(stack.request(Method::GET, &download, &account).send().await.unwrap()).await.1["url"].as_str().unwrap().to_owned();
    let content = || stack.http.get(&url).send();
    assert_eq!(content().await.unwrap().bytes().await.unwrap().len(), 5_000);
    let bytes = random_bytes(10_000_400);
    let started = stack.started(&account, bytes.len()).await;
    let session = started["sessionId"].as_str().unwrap();
    assert_eq!(answer(stack.chunk(&started, 1, &bytes[..10_000_000]).send().await.unwrap()).await.0, 200);

    let (status, body) = stack.tell("/api/agentcache/suspend", of("switched")).await;
    assert_eq!((status, &body["account"]["status"], &body["account"]["api_key"]), (200, &json!("suspended"), &Value::Null), "{body}");
    let refused = |request: RequestBuilder| async {
        let (status, body) = answer(request.send().await.unwrap()).await;
        assert_eq!((status, body["code"].as_str().unwrap_or_default()), (403, "account-suspended"), "{body}");
    };
    let asks = |method: Method, path: &str| stack.request(method, path, &account);
    let tracks = |body: Value| asks(Method::POST, "/api/jetty/track-upload").json(&body);
    for path in [
        "/api/jetty/sessions",
        &format!("/api/jetty/cache-chunk?sessionId={session}"),
        "/api/storage/files",
        &format!("/api/storage/files/{id}"),
        &download,
        "/api/agentcache/quota",
        "/api/portal/namespaces",
        &own,
        &format!("/files/{id}/a.bin"),
        "/api/edges/fra/metrics",
    ] {
        refused(asks(Method::GET, path)).await;
    }
    for action in ["start", "progress", "complete", "fail"] {
        refused(tracks(json!({ "action": action, "sessionId": session, "fileName": "a", "fileSize": 1 }))).await;
    }
    refused(asks(Method::POST, "/api/jetty/optimal-edges").json(&json!({ "fileSize": 1 }))).await;
    refused(asks(Method::POST, "/api/storage/upload").header("X-File-Name", "a").body("a")).await;
    refused(asks(Method::DELETE, &format!("/api/storage/files/{id}"))).await;
    refused(asks(Method::PATCH, &own).json(&json!({ "display_name": "mine" }))).await;
    let last = || stack.chunk(&started, 2, &bytes[10_000_000..]);
    refused(last()).await;
    let with_account = asks(Method::PUT, &format!("/api/jetty-speed/{session}/2")).header("X-Chunk-SHA256", sha256(&bytes[10_000_000..]));
    refused(with_account.body(bytes[10_000_000..].to_vec())).await;
    assert_eq!(answer(content().await.unwrap()).await.1["code"], "account-suspended");

    let (status, body) = stack.tell("/api/agentcache/resume", of("switched")).await;
    assert_eq!((status, &body["account"]["status"]), (200, &json!("active")), "{body}");
    let state = stack.state(&account, session).await;
    assert_eq!((&state["status"], &state["missing"]), (&json!("uploading"), &json!([2])), "the refused part is not recorded");
    assert_eq!(content().await.unwrap().status(), 200);
    assert_eq!(answer(last().send().await.unwrap()).await.0, 200);
    let (status, done) = stack.track(&account, json!({ "action": "complete", "sessionId": session })).await;
    assert_eq!(status, 200, "{done}");
    assert!(stack.bucket.get(done["asset"]["s3Key"].as_str().unwrap()).await.unwrap() == bytes);
    let (_, list) = answer(asks(Method::GET, "/api/storage/files").send().await.unwrap()).await;
    assert_eq!(list["files"].as_array().unwrap().len(), 2, "what was refused did nothing: {list}");
}

/// The text with another character at `position`.
fn typo(text: &str, position: usize) -> String {
    let mut wrong = text.to_owned();
    wrong.replace_range(position..=position, if text[position..].starts_with('7') { "8" } else { "7" });
    wrong
}

#[tokio::test]
async fn a_typo_is_refused_without_a_look_into_the_database() {
    let blind = Stack::without_tables().await;
    let status = async |key: &str, secret: &str| {
        let request = blind.anonymous(Method::GET, "/api/storage/files").bearer_auth(key).header("X-API-Secret", secret);
        let (status, body) = answer(request.send().await.unwrap()).await;
        (status, body["code"].as_str().unwrap().to_owned())
    };
    let (key, secret) = (&blind.dev.api_key, &blind.dev.api_secret);
    for position in [0, 3, 8, 20, 37, 38, 43] {
        assert_eq!(status(&typo(key, position), secret).await, (401, "unauthenticated".to_owned()), "key, {position}");
        assert_eq!(status(key, &typo(secret, position)).await, (401, "unauthenticated".to_owned()), "secret, {position}");
    }
    assert_eq!(status(key, secret).await, (500, "internal".to_owned()), "a well-formed one is looked up");
}

#[tokio::test]
async fn a_suspension_that_died_half_way_holds_all_the_same() {
    let stack = Stack::start(&[]).await;
    let account = stack.provisioned("half-way", "pro").await;
    assert_eq!(opens(&stack, &account).await, 200);
    // What a Worker leaves that dies after D1 took the suspension: the ledger was not told.
    stack.sql("UPDATE accounts SET status = 'suspended', updated_at = updated_at + 1 WHERE agentcache_user_id = 'half-way'").await;
    // A changed tier makes the isolate forget what it looked up.
    assert_eq!(answer(stack.operator(Method::PATCH, "/api/portal/tiers/free").json(&json!({})).send().await.unwrap()).await.0, 200);
    assert_eq!(opens(&stack, &account).await, 403);
    let (status, _) = stack.tell("/api/agentcache/resume", json!({ "user_id": "half-way" })).await;
    assert_eq!((status, opens(&stack, &account).await), (200, 200));
}

#[tokio::test]
async fn of_racing_repeats_the_highest_tier_stays_and_of_racing_changes_every_field() {
    let stack = Stack::start(&[]).await;
    for round in 0..5 {
        let user = format!("climber-{round}");
        stack.provisioned(&user, "free").await;
        let tiers = ["business", "pro", "starter", "business", "pro"];
        at_once(tiers.map(|tier| stack.backend(Method::POST, PROVISION).json(&wanted(&user, tier)))).await;
        let quota = stack.backend(Method::GET, &format!("/api/agentcache/quota?agentcache_user_id={user}"));
        assert_eq!(answer(quota.send().await.unwrap()).await.1["tier"], "business");

        let fields = ["storage_quota_gb", "bandwidth_quota_gb", "requests_per_minute", "max_file_mb"];
        let change = |field: &str| stack.operator(Method::PATCH, "/api/portal/tiers/starter").json(&json!({ field: 1_000 + round }));
        assert!(at_once(fields.map(change)).await.iter().all(|(status, _)| *status == 200));
        let (_, tiers) = answer(stack.operator(Method::GET, "/api/portal/tiers").send().await.unwrap()).await;
        assert!(fields.iter().all(|field| tiers["tiers"][1][field] == 1_000 + round), "{tiers}");
    }
}
