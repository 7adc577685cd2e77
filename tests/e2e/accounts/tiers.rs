//! Tiers: what an account may do, and who changes it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PROVISION, provision_body};
use crate::harness::{Call, FILES, Stack, action, answer, at_once, random_bytes, rate_limit, stack, stack_with_changed_tiers};

async fn upgrade(stack: &Stack, user: &str, tier: &str, force: bool) -> (u16, Value) {
    stack.webhook("/api/agentcache/upgrade", json!({ "agentcache_user_id": user, "tier": tier, "force": force })).await
}

#[tokio::test]
async fn repeated_provision_raises_tier_and_downgrade_below_usage_returns_409() {
    let stack = stack().await;
    let code = |body: &Value| body["code"].as_str().unwrap_or_default().to_owned();
    let account = stack.account("mover").tier("starter").create().await;
    assert_eq!(stack.track(&account, json!({ "action": "start", "fileName": "a", "fileSize": 1 })).await.0, 403);
    let (status, body) = stack.webhook(PROVISION, provision_body("mover", "pro")).await;
    assert_eq!((status, &body["cached"], &body["account"]["tier"]), (200, &json!(true), &json!("pro")), "{body}");
    assert_eq!((&body["account"]["storage_quota_gb"], &body["account"]["jetty_speed_enabled"]), (&json!(20), &json!(true)));
    let started = stack.session(&account).size(1).start().await;
    let (status, body) = stack.track(&account, action("fail", &started)).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = stack.webhook(PROVISION, provision_body("mover", "starter")).await;
    assert_eq!((status, code(&body).as_str(), &body["tier"]), (409, "downgrade-refused", &json!("pro")));

    stack.asset(&account).bytes(random_bytes(1_234)).store().await;
    let (status, body) = upgrade(stack, "mover", "free", false).await;
    assert_eq!((status, code(&body).as_str()), (409, "below-usage"), "{body}");
    assert_eq!((&body["resource"], &body["limit"], &body["used"]), (&json!("storage"), &json!(0), &json!(1_234)));
    let (status, body) = upgrade(stack, "mover", "starter", false).await;
    assert_eq!((status, &body["account"]["tier"]), (200, &json!("starter")), "what it uses fits");
    assert_eq!(stack.track(&account, json!({ "action": "start", "fileName": "a", "fileSize": 1 })).await.0, 403);
    let (status, body) = upgrade(stack, "mover", "free", true).await;
    assert_eq!((status, &body["account"]["tier"], &body["account"]["storage_quota_gb"]), (200, &json!("free"), &json!(0)), "{body}");
    let more = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "b").body("b").sent().await.unwrap();
    let (status, body) = answer(more).await;
    assert_eq!((status, &body["limit"], &body["used"]), (507, &json!(0), &json!(1_234)), "{body}");
    let (status, quota) = stack.get(&account, "/api/agentcache/quota").await;
    assert_eq!(
        (status, &quota["tier"], &quota["storage_used_bytes"], &quota["storage_remaining_bytes"]),
        (200, &json!("free"), &json!(1_234), &json!(0))
    );

    let open = stack.account("mover-open").tier("pro").create().await;
    stack.session(&open).size(400_000_000).start().await;
    let (status, body) = upgrade(stack, "mover-open", "free", false).await;
    assert_eq!((status, &body["used"]), (409, &json!(400_000_000)), "what is reserved counts: {body}");

    for (path, body) in
        [(PROVISION, provision_body("mover", "gold")), ("/api/agentcache/upgrade", json!({ "agentcache_user_id": "mover", "tier": "gold" }))]
    {
        let (status, body) = stack.webhook(path, body).await;
        assert_eq!((status, code(&body).as_str(), &body["field"]), (422, "invalid-value", &json!("tier")), "{path}");
    }
    for action in ["upgrade", "rotate", "suspend", "resume"] {
        let body = json!({ "agentcache_user_id": "nobody-there", "tier": "pro" });
        let (status, body) = stack.webhook(&format!("/api/agentcache/{action}"), body).await;
        assert_eq!((status, code(&body).as_str()), (404, "not-found"), "{action}");
    }
}

#[tokio::test]
async fn concurrent_provisions_keep_highest_tier_and_concurrent_changes_every_field() {
    let stack = Stack::start(&[]).await;
    for round in 0..5 {
        let user = format!("climber-{round}");
        stack.account(&user).tier("free").create().await;
        let tiers = ["business", "pro", "starter", "business", "pro"];
        at_once(tiers.map(|tier| stack.backend(Method::POST, PROVISION).json(&provision_body(&user, tier)))).await;
        let quota = stack.backend(Method::GET, &format!("/api/agentcache/quota?agentcache_user_id={user}"));
        assert_eq!(quota.answer().await.1["tier"], "business");

        let fields = ["storage_quota_gb", "bandwidth_quota_gb", "requests_per_minute", "max_file_mb"];
        let change = |field: &str| stack.operator(Method::PATCH, "/api/portal/tiers/starter").json(&json!({ field: 1_000 + round }));
        assert!(at_once(fields.map(change)).await.iter().all(|(status, _)| *status == 200));
        let (_, tiers) = stack.operator(Method::GET, "/api/portal/tiers").answer().await;
        assert!(fields.iter().all(|field| tiers["tiers"][1][field] == 1_000 + round), "{tiers}");
    }
}

#[tokio::test]
async fn changed_tier_limits_apply_to_the_next_request() {
    let stack = stack_with_changed_tiers().await;
    let account = stack.account("changing").tier("starter").create().await;
    let policy = async || rate_limit(&stack.request(Method::GET, FILES, &account).sent().await.unwrap()).0;
    let upload = async |size: usize| {
        let request = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "a");
        request.body(vec![0; size]).answer().await
    };
    let refused = async |size: usize| {
        let request = stack.request(Method::POST, "/api/storage/upload", &account).header("X-File-Name", "a");
        request.without_sending_body(size).answer().await
    };
    let start = async || stack.track(&account, json!({ "action": "start", "fileName": "a", "fileSize": 1_000 })).await;
    let quota = async || stack.get(&account, "/api/agentcache/quota").await.1;
    let row = async || {
        let (status, body) = stack.operator(Method::GET, "/api/portal/tiers").answer().await;
        assert_eq!(status, 200);
        body["tiers"].as_array().unwrap()[1].clone()
    };
    let before = json!({
        "tier": "starter", "rank": 1, "storage_quota_gb": 2, "bandwidth_quota_gb": 10, "jetty_speed_enabled": false, "requests_per_minute": 60,
        "max_file_mb": 50, "max_objects": 10_000, "max_open_uploads": 20
    });
    assert_eq!(row().await, before);
    assert_eq!(policy().await, "\"account\";q=60;w=60");
    assert_eq!(start().await.0, 403);
    assert_eq!(upload(1_000_001).await.0, 201);

    let wide = json!({ "requests_per_minute": 120, "max_file_mb": 1, "jetty_speed_enabled": true, "storage_quota_gb": 3, "bandwidth_quota_gb": 11 });
    let after = stack.patch_tier("starter", wide.clone()).await;
    for (name, value) in wide.as_object().unwrap() {
        assert_eq!(&after[name], value);
    }
    assert_eq!(row().await, after);
    assert_eq!(policy().await, "\"account\";q=120;w=60");
    let (status, body) = refused(1_000_001).await;
    assert_eq!((status, &body["code"], &body["limit"]), (413, &json!("file-too-large"), &json!(1_000_000)));
    assert_eq!(upload(1_000_000).await.0, 201);
    assert_eq!(start().await.0, 201);
    let now = quota().await;
    assert_eq!((&now["storage_quota_gb"], &now["bandwidth_quota_gb"]), (&json!(3), &json!(11)));

    stack.patch_tier("starter", json!({ "storage_quota_gb": 0, "jetty_speed_enabled": false })).await;
    let (status, body) = upload(1).await;
    assert_eq!((status, &body["limit"], &body["used"], &body["reserved"]), (507, &json!(0), &json!(2_000_001), &json!(1_000)), "{body}");
    assert_eq!(start().await.0, 403);
    assert_eq!((&quota().await["storage_quota_bytes"], &quota().await["warning"]), (&json!(0), &json!("storage")));
    let undo = json!({ "storage_quota_gb": 2, "bandwidth_quota_gb": 10, "requests_per_minute": 60, "max_file_mb": 50 });
    assert_eq!(stack.patch_tier("starter", undo).await, before);
    assert_eq!(upload(1_000_001).await.0, 201);
}

#[tokio::test]
async fn tier_routes_return_401_unless_operator_and_422_for_invalid_values() {
    let stack = stack().await;
    let patch = json!({ "storage_quota_gb": 1 });
    let (tiers, tier) = ("/api/portal/tiers", "/api/portal/tiers/pro");
    for request in [
        stack.anonymous(Method::GET, tiers),
        stack.request(Method::GET, tiers, &stack.dev),
        stack.backend(Method::GET, tiers),
        stack.anonymous(Method::PATCH, tier).json(&patch),
        stack.request(Method::PATCH, tier, &stack.dev).json(&patch),
        stack.backend(Method::PATCH, tier).json(&patch),
    ] {
        assert_eq!(request.answer().await.0, 401);
    }
    for (path, body, status) in [
        ("/api/portal/tiers/gold", "{\"storage_quota_gb\":1}", 404),
        (tier, "{\"storage_quota_gb\":-1}", 422),
        (tier, "{\"storage_quota_gb\":\"1\"}", 422),
        (tier, "{\"requests_per_minute\":0}", 422),
        (tier, "{\"jetty_speed_enabled\":1}", 422),
        (tier, "{", 400),
        (tier, "{}", 200),
    ] {
        let (got, answer) = stack.operator(Method::PATCH, path).body(body).answer().await;
        assert_eq!(got, status, "{body} -> {answer}");
        assert!(status != 200 || answer["storage_quota_gb"] == 20, "nothing changed: {answer}");
    }
}
