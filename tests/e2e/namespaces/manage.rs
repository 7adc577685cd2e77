//! Namespaces as operators manage them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ROOT, as_operator, assert_refused, created, member_path, path_of};
use crate::harness::{Call, stack, unique};

#[tokio::test]
async fn operator_creates_reads_changes_and_deletes_a_namespace() {
    let stack = stack().await;
    let everything = json!({
        "display_name": "Größe", "tags": ["a", "b"], "cache_ttl": { "small": 1, "video": 0 }, "features": { "desktop_cdn": false, "compress_text": true },
        "chunk_size": 6_000_000, "allow_unsigned": true, "cross_namespace_dedup": true, "origin_usd_per_gb": 0.5, "expected_hit_rate": 85, "unknown": [1],
    });
    let (name, made) = created(everything).await;
    let expected = json!({
        "name": name, "display_name": "Größe", "tags": ["a", "b"], "cache_ttl": { "small": 1, "text": 604_800, "large": 3_600, "video": 0 },
        "features": { "jetty_speed_upload": true, "video_streaming": true, "desktop_cdn": false, "compress_text": true }, "chunk_size": 6_000_000, "allow_unsigned": true,
        "cross_namespace_dedup": true, "origin_usd_per_gb": 0.5, "expected_hit_rate": 85.0, "created_at": made["created_at"], "members": [],
        "alerts": { "hit_rate": null, "p95_ms": null, "upload_failure_percent": null },
    });
    let (status, got) = stack.operator(Method::GET, &path_of(&name)).answer().await;
    assert_eq!((status, &got), (200, &expected));
    assert!(made.get("members").is_none() && made["created_at"].as_str().unwrap().ends_with('Z'), "{made}");

    let patch = json!({ "tags": [], "cache_ttl": { "small": null, "large": 7 }, "features": { "jetty_speed_upload": false }, "chunk_size": null });
    let (status, changed) = as_operator(Method::PATCH, &path_of(&name), patch).await;
    assert_eq!((status, &changed["cache_ttl"]), (200, &json!({ "small": 86_400, "text": 604_800, "large": 7, "video": 0 })));
    let features = json!({ "jetty_speed_upload": false, "video_streaming": true, "desktop_cdn": false, "compress_text": true });
    assert_eq!((&changed["tags"], &changed["features"], &changed["chunk_size"]), (&json!([]), &features, &Value::Null));
    assert_eq!((&changed["display_name"], &changed["origin_usd_per_gb"]), (&json!("Größe"), &json!(0.5)), "what the body does not name stays");
    let (_, got) = stack.operator(Method::GET, &path_of(&name)).answer().await;
    assert_eq!((&got["cache_ttl"], &got["features"]), (&changed["cache_ttl"], &changed["features"]));

    assert_eq!(stack.operator(Method::DELETE, &path_of(&name)).answer().await, (204, Value::Null));
    for method in [Method::GET, Method::DELETE] {
        assert_refused(stack.operator(method, &path_of(&name)), 404, "not-found").await;
    }
    assert_refused(stack.operator(Method::PATCH, &path_of(&name)).json(&json!({})), 404, "not-found").await;
}

#[tokio::test]
async fn existing_namespace_returns_409_and_invalid_one_422() {
    let stack = stack().await;
    let post = |body: Value| stack.operator(Method::POST, ROOT).json(&body);
    let (name, _) = created(json!({ "display_name": "first" })).await;
    assert_eq!(assert_refused(post(json!({ "name": name, "display_name": "second" })), 409, "already-exists").await["field"], "name");
    assert_eq!(stack.operator(Method::GET, &path_of(&name)).answer().await.1["display_name"], "first");
    let long = "x".repeat(129);
    for name in ["jt_user_x", "jt_user_", "", "../x", "a/b", "a b", ".x", "-x", "a\u{0}", "ä", &long] {
        assert_eq!(assert_refused(post(json!({ "name": name })), 422, "invalid-value").await["field"], "name", "{name:?}");
    }
    let name = unique("jt_customer_");
    for (more, field) in [
        (json!({ "display_name": "x".repeat(201) }), "display_name"),
        (json!({ "display_name": "a\u{0}" }), "display_name"),
        (json!({ "tags": vec!["x"; 33] }), "tags"),
        (json!({ "tags": ["x".repeat(65)] }), "tags"),
        (json!({ "tags": "x" }), "tags"),
        (json!({ "cache_ttl": { "small": 31_536_001 } }), "cache_ttl.small"),
        (json!({ "cache_ttl": { "small": -1 } }), "cache_ttl.small"),
        (json!({ "cache_ttl": { "small": 1.5 } }), "cache_ttl.small"),
        (json!({ "features": { "desktop_cdn": 1 } }), "features.desktop_cdn"),
        (json!({ "features": { "compress_text": "yes" } }), "features.compress_text"),
        (json!({ "chunk_size": 5_242_879 }), "chunk_size"),
        (json!({ "chunk_size": 5_368_709_121_u64 }), "chunk_size"),
        (json!({ "origin_usd_per_gb": -0.01 }), "origin_usd_per_gb"),
        (json!({ "origin_usd_per_gb": 1e300 }), "origin_usd_per_gb"),
        (json!({ "expected_hit_rate": 100.5 }), "expected_hit_rate"),
        (json!({ "expected_hit_rate": "85" }), "expected_hit_rate"),
    ] {
        let mut body = more.clone();
        body["name"] = json!(name);
        assert_eq!(assert_refused(post(body), 422, "invalid-value").await["field"], field, "{more}");
    }
    assert_refused(stack.operator(Method::GET, &path_of(&name)), 404, "not-found").await;

    assert_refused(stack.request(Method::POST, ROOT, &stack.dev).json(&json!({ "name": name })).with_new_address(), 401, "unauthenticated").await;
    assert_refused(stack.request(Method::DELETE, &path_of(&stack.dev.namespace), &stack.dev).with_new_address(), 401, "unauthenticated").await;
    assert_refused(stack.request(Method::PUT, &member_path("jt_customer_wd", "dev"), &stack.dev).with_new_address(), 401, "unauthenticated").await;
    assert_refused(stack.anonymous(Method::GET, ROOT).with_new_address(), 401, "unauthenticated").await;
    assert_refused(stack.backend(Method::GET, ROOT).with_new_address(), 401, "unauthenticated").await;
}

#[tokio::test]
async fn creation_repeated_under_one_key_returns_the_first_answer() {
    let stack = stack().await;
    let (name, key) = (unique("jt_customer_"), unique("key-"));
    let post = |body: Value| stack.operator(Method::POST, ROOT).header("Idempotency-Key", &key).json(&body);
    let first = post(json!({ "name": name })).answer().await;
    assert_eq!(first.0, 201);
    assert_eq!(post(json!({ "name": name })).answer().await, first, "the first answer");
    assert_refused(post(json!({ "name": name, "tags": ["other"] })), 422, "idempotency-key-reused").await;
    assert_refused(stack.operator(Method::POST, ROOT).json(&json!({ "name": name })), 409, "already-exists").await;
}

#[tokio::test]
async fn namespace_list_is_paged_for_operator_and_member() {
    let stack = stack().await;
    // Adjacent in the order of names, whatever other tests create meanwhile.
    let prefix = unique("jt_customer_");
    let names: Vec<_> = (0..5).map(|n| format!("{prefix}_{n}")).collect();
    for name in &names {
        assert_eq!(as_operator(Method::POST, ROOT, json!({ "name": name })).await.0, 201);
        stack.add_member(name, "pro").await;
    }
    let of = |body: &Value| body["namespaces"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let (mut cursor, mut seen) = (prefix.clone(), Vec::new());
    for expected in [2, 2] {
        let (status, body) = stack.operator(Method::GET, &format!("{ROOT}?limit=2&cursor={cursor}")).answer().await;
        assert_eq!((status, of(&body).len()), (200, expected), "{body}");
        seen.extend(of(&body));
        cursor = body["cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!(seen, names[..4]);
    // A member's list has the same pages, of the member's namespaces only.
    let (mut cursor, mut mine) = (String::new(), Vec::new());
    loop {
        let (status, body) = stack.get(&stack.pro, &format!("{ROOT}?limit=2&cursor={cursor}")).await;
        assert_eq!(status, 200, "{body}");
        assert!(of(&body).len() <= 2);
        mine.extend(of(&body));
        match body["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(mine, [names, vec!["jt_user_pro".to_owned()]].concat());
    assert_eq!(stack.get(&stack.pro, ROOT).await.1["cursor"], Value::Null, "all on one page");
    for limit in ["0", "501", "x", "-1"] {
        assert_refused(stack.operator(Method::GET, &format!("{ROOT}?limit={limit}")), 422, "invalid-value").await;
    }
}

#[tokio::test]
async fn concurrent_namespace_changes_are_all_kept() {
    let stack = stack().await;
    let (name, _) = created(json!({})).await;
    let path = path_of(&name);
    stack.add_manager(&name, "dev").await;
    for round in 1..=10 {
        let operators = json!({ "features": { "jetty_speed_upload": round % 2 == 0 }, "chunk_size": 5_242_880 + round });
        let members = json!({ "display_name": format!("round {round}"), "cache_ttl": { "small": round } });
        let (one, two) = tokio::join!(
            as_operator(Method::PATCH, &path, operators.clone()),
            stack.request(Method::PATCH, &path, &stack.dev).json(&members).answer()
        );
        assert_eq!((one.0, two.0), (200, 200));
        let (_, now) = stack.operator(Method::GET, &path_of(&name)).answer().await;
        assert_eq!(
            (&now["features"]["jetty_speed_upload"], &now["chunk_size"], &now["display_name"], &now["cache_ttl"]["small"]),
            (&operators["features"]["jetty_speed_upload"], &operators["chunk_size"], &members["display_name"], &members["cache_ttl"]["small"]),
            "round {round}"
        );
    }
}

#[tokio::test]
async fn seeded_example_namespaces_have_documented_settings() {
    let stack = stack().await;
    for (name, features, ttl, rate, volume) in [
        ("jt_customer_seagate", [true, true, true], [86_400, 604_800, 21_600, 43_200], 85.0, "500 GB"),
        ("jt_customer_wd", [false, true, false], [21_600, 604_800, 10_800, 21_600], 70.0, "200 GB"),
    ] {
        let (status, body) = stack.operator(Method::GET, &path_of(name)).answer().await;
        assert_eq!(status, 200, "{body}");
        let [upload, video, desktop] = features;
        assert_eq!(
            body["features"],
            json!({ "jetty_speed_upload": upload, "video_streaming": video, "desktop_cdn": desktop, "compress_text": false })
        );
        let [small, text, large, video] = ttl;
        assert_eq!(body["cache_ttl"], json!({ "small": small, "text": text, "large": large, "video": video }));
        assert_eq!((&body["expected_hit_rate"], &body["members"]), (&json!(rate), &json!([])));
        assert!(body["tags"].as_array().unwrap().contains(&json!(volume)), "{body}");
    }
}
