//! Namespaces: what operators do with them, what members may, and what uploads take from them.

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::stack::{Stack, answer, before_its_body, from_elsewhere, sha256, stack, unique};

const ROOT: &str = "/api/portal/namespaces";

async fn told(request: RequestBuilder) -> (u16, Value) {
    answer(request.send().await.unwrap()).await
}

/// A refusal with this status and code.
async fn refused(request: RequestBuilder, status: u16, code: &str) -> Value {
    let (got, body) = told(request).await;
    assert_eq!((got, body["code"].as_str().unwrap_or_default()), (status, code), "{body}");
    body
}

fn at(name: &str) -> String {
    format!("{ROOT}/{name}")
}

fn member(namespace: &str, user: &str) -> String {
    format!("{ROOT}/{namespace}/members/{user}")
}

async fn operator(method: Method, path: &str, body: Value) -> (u16, Value) {
    told(stack().await.operator(method, path).json(&body)).await
}

/// A namespace that was not there, with `more` in its body; what the operator is told of it.
async fn created(more: Value) -> (String, Value) {
    let name = unique("jt_customer_");
    let mut body = json!({ "name": name });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = operator(Method::POST, ROOT, body).await;
    assert_eq!((status, &answer["name"]), (201, &json!(name)), "{answer}");
    (name, answer)
}

async fn joined(namespace: &str, user: &str) {
    let (status, body) = told(stack().await.operator(Method::PUT, &member(namespace, user))).await;
    assert_eq!((status, body), (204, Value::Null));
}

fn simple(stack: &Stack, account: &AccountAccess, namespace: &str) -> RequestBuilder {
    stack.request(Method::POST, "/api/storage/upload", account).header("X-File-Name", "a.txt").header("X-Namespace", namespace).body("hello")
}

fn start(namespace: &str, size: u64) -> Value {
    json!({ "action": "start", "fileName": "a.bin", "fileSize": size, "namespace": namespace })
}

#[tokio::test]
async fn operators_create_read_change_and_delete() {
    let stack = stack().await;
    let everything = json!({
        "display_name": "Größe", "tags": ["a", "b"], "cache_ttl": { "small": 1, "video": 0 }, "features": { "desktop_cdn": false },
        "chunk_size": 6_000_000, "allow_unsigned": true, "cross_namespace_dedup": true, "origin_usd_per_gb": 0.5, "expected_hit_rate": 85, "unknown": [1],
    });
    let (name, made) = created(everything).await;
    let expected = json!({
        "name": name, "display_name": "Größe", "tags": ["a", "b"], "cache_ttl": { "small": 1, "text": 604_800, "large": 3_600, "video": 0 },
        "features": { "jetty_speed_upload": true, "video_streaming": true, "desktop_cdn": false }, "chunk_size": 6_000_000, "allow_unsigned": true,
        "cross_namespace_dedup": true, "origin_usd_per_gb": 0.5, "expected_hit_rate": 85.0, "created_at": made["created_at"], "members": [],
    });
    let (status, got) = told(stack.operator(Method::GET, &at(&name))).await;
    assert_eq!((status, &got), (200, &expected));
    assert!(made.get("members").is_none() && made["created_at"].as_str().unwrap().ends_with('Z'), "{made}");

    let patch = json!({ "tags": [], "cache_ttl": { "small": null, "large": 7 }, "features": { "jetty_speed_upload": false }, "chunk_size": null });
    let (status, changed) = operator(Method::PATCH, &at(&name), patch).await;
    assert_eq!((status, &changed["cache_ttl"]), (200, &json!({ "small": 86_400, "text": 604_800, "large": 7, "video": 0 })));
    let features = json!({ "jetty_speed_upload": false, "video_streaming": true, "desktop_cdn": false });
    assert_eq!((&changed["tags"], &changed["features"], &changed["chunk_size"]), (&json!([]), &features, &Value::Null));
    assert_eq!((&changed["display_name"], &changed["origin_usd_per_gb"]), (&json!("Größe"), &json!(0.5)), "what the body does not name stays");
    let (_, got) = told(stack.operator(Method::GET, &at(&name))).await;
    assert_eq!((&got["cache_ttl"], &got["features"]), (&changed["cache_ttl"], &changed["features"]));

    assert_eq!(told(stack.operator(Method::DELETE, &at(&name))).await, (204, Value::Null));
    for method in [Method::GET, Method::DELETE] {
        refused(stack.operator(method, &at(&name)), 404, "not-found").await;
    }
    refused(stack.operator(Method::PATCH, &at(&name)).json(&json!({})), 404, "not-found").await;
}

#[tokio::test]
async fn what_can_not_be_created() {
    let stack = stack().await;
    let post = |body: Value| stack.operator(Method::POST, ROOT).json(&body);
    let (name, _) = created(json!({ "display_name": "first" })).await;
    assert_eq!(refused(post(json!({ "name": name, "display_name": "second" })), 409, "already-exists").await["field"], "name");
    assert_eq!(told(stack.operator(Method::GET, &at(&name))).await.1["display_name"], "first");
    let long = "x".repeat(129);
    for name in ["jt_user_x", "jt_user_", "", "../x", "a/b", "a b", ".x", "-x", "a\u{0}", "ä", &long] {
        assert_eq!(refused(post(json!({ "name": name })), 422, "invalid-value").await["field"], "name", "{name:?}");
    }
    let name = unique("jt_customer_");
    for (more, field) in [
        (json!({ "display_name": "x".repeat(201) }), "display_name"),
        (json!({ "display_name": "a\u{0}" }), "display_name"),
        (json!({ "tags": vec!["x"; 33] }), "tags"),
        (json!({ "tags": ["x".repeat(65)] }), "tags"),
        (json!({ "tags": "x" }), "body"),
        (json!({ "cache_ttl": { "small": 31_536_001 } }), "cache_ttl.small"),
        (json!({ "cache_ttl": { "small": -1 } }), "body"),
        (json!({ "cache_ttl": { "small": 1.5 } }), "body"),
        (json!({ "features": { "desktop_cdn": 1 } }), "body"),
        (json!({ "chunk_size": 5_242_879 }), "chunk_size"),
        (json!({ "chunk_size": 5_368_709_121_u64 }), "chunk_size"),
        (json!({ "origin_usd_per_gb": -0.01 }), "origin_usd_per_gb"),
        (json!({ "origin_usd_per_gb": 1e300 }), "origin_usd_per_gb"),
        (json!({ "expected_hit_rate": 100.5 }), "expected_hit_rate"),
        (json!({ "expected_hit_rate": "85" }), "body"),
    ] {
        let mut body = more.clone();
        body["name"] = json!(name);
        assert_eq!(refused(post(body), 422, "invalid-value").await["field"], field, "{more}");
    }
    refused(stack.operator(Method::GET, &at(&name)), 404, "not-found").await;

    refused(from_elsewhere(stack.request(Method::POST, ROOT, &stack.dev).json(&json!({ "name": name }))), 401, "unauthenticated").await;
    refused(from_elsewhere(stack.request(Method::DELETE, &at(&stack.dev.namespace), &stack.dev)), 401, "unauthenticated").await;
    refused(from_elsewhere(stack.request(Method::PUT, &member("jt_customer_wd", "dev"), &stack.dev)), 401, "unauthenticated").await;
    refused(from_elsewhere(stack.anonymous(Method::GET, ROOT)), 401, "unauthenticated").await;
    refused(from_elsewhere(stack.backend(Method::GET, ROOT)), 401, "unauthenticated").await;
}

#[tokio::test]
async fn an_idempotency_key_creates_once() {
    let stack = stack().await;
    let (name, key) = (unique("jt_customer_"), unique("key-"));
    let post = |body: Value| stack.operator(Method::POST, ROOT).header("Idempotency-Key", &key).json(&body);
    let first = told(post(json!({ "name": name }))).await;
    assert_eq!(first.0, 201);
    assert_eq!(told(post(json!({ "name": name }))).await, first, "the first answer");
    refused(post(json!({ "name": name, "tags": ["other"] })), 422, "idempotency-key-reused").await;
    refused(stack.operator(Method::POST, ROOT).json(&json!({ "name": name })), 409, "already-exists").await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let stack = stack().await;
    // Neighbours in the order of names, whatever other tests create meanwhile.
    let prefix = unique("jt_customer_");
    let names: Vec<_> = (0..5).map(|n| format!("{prefix}_{n}")).collect();
    for name in &names {
        assert_eq!(operator(Method::POST, ROOT, json!({ "name": name })).await.0, 201);
        joined(name, "pro").await;
    }
    let of = |body: &Value| body["namespaces"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let (mut cursor, mut seen) = (prefix.clone(), Vec::new());
    for expected in [2, 2] {
        let (status, body) = told(stack.operator(Method::GET, &format!("{ROOT}?limit=2&cursor={cursor}"))).await;
        assert_eq!((status, of(&body).len()), (200, expected), "{body}");
        seen.extend(of(&body));
        cursor = body["cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!(seen, names[..4]);
    // A member's list has the same pages, of its own.
    let (mut cursor, mut mine) = (String::new(), Vec::new());
    loop {
        let (status, body) = told(stack.request(Method::GET, &format!("{ROOT}?limit=2&cursor={cursor}"), &stack.pro)).await;
        assert_eq!(status, 200, "{body}");
        assert!(of(&body).len() <= 2);
        mine.extend(of(&body));
        match body["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(mine, [names, vec!["jt_user_pro".to_owned()]].concat());
    assert_eq!(told(stack.request(Method::GET, ROOT, &stack.pro)).await.1["cursor"], Value::Null, "all on one page");
    for limit in ["0", "501", "x", "-1"] {
        refused(stack.operator(Method::GET, &format!("{ROOT}?limit={limit}")), 422, "invalid-value").await;
    }
}

#[tokio::test]
async fn members_come_and_go() {
    let stack = stack().await;
    let (name, _) = created(json!({})).await;
    let (user, absent) = (unique("member-"), unique("absent-"));
    let account = stack.provisioned(&user, "starter").await;
    let members = async || told(stack.operator(Method::GET, &at(&name))).await.1["members"].clone();
    refused(stack.request(Method::GET, &at(&name), &account), 404, "not-found").await;
    for _ in 0..2 {
        joined(&name, &user).await;
        assert_eq!(members().await, json!([user]));
    }
    assert_eq!(told(stack.request(Method::GET, &at(&name), &account)).await.0, 200);
    for method in [Method::PUT, Method::DELETE] {
        refused(stack.operator(method.clone(), &member(&name, &absent)), 404, "not-found").await;
        refused(stack.operator(method.clone(), &member(&unique("jt_customer_"), &user)), 404, "not-found").await;
        refused(stack.operator(method, &member(&name, "a%20b")), 422, "invalid-value").await;
    }
    assert_eq!(told(stack.operator(Method::DELETE, &member(&name, &user))).await, (204, Value::Null));
    assert_eq!(members().await, json!([]));
    refused(stack.operator(Method::DELETE, &member(&name, &user)), 404, "not-found").await;
    refused(stack.request(Method::GET, &at(&name), &account), 404, "not-found").await;
    refused(stack.operator(Method::DELETE, &member(&account.namespace, &user)), 409, "namespace-in-use").await;
    assert_eq!(told(stack.request(Method::GET, &at(&account.namespace), &account)).await.0, 200, "nobody loses their own");
}

#[tokio::test]
async fn accounts_see_their_own_rename_them_and_set_ttls() {
    let stack = stack().await;
    let (shared, _) = created(json!({ "cache_ttl": { "text": 5 }, "tags": ["kept"] })).await;
    let (foreign, _) = created(json!({})).await;
    let user = unique("tenant-");
    let account = stack.provisioned(&user, "starter").await;
    joined(&shared, &user).await;
    let listed = async |path: &str| told(stack.request(Method::GET, path, &account)).await;
    let (status, body) = listed(ROOT).await;
    let names: Vec<_> = body["namespaces"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((status, names), (200, vec![shared.as_str(), account.namespace.as_str()]));

    for name in [&shared, &account.namespace] {
        let (status, before) = listed(&at(name)).await;
        assert_eq!((status, before.get("members")), (200, None), "members are for operators");
        let patch = json!({ "display_name": "Mine", "cache_ttl": { "small": 60, "text": null } });
        let (status, after) = told(stack.request(Method::PATCH, &at(name), &account).json(&patch)).await;
        assert_eq!(
            (status, &after["display_name"], &after["cache_ttl"]["small"], &after["cache_ttl"]["text"]),
            (200, &json!("Mine"), &json!(60), &json!(604_800))
        );
        let mut expected = before.clone();
        (expected["display_name"], expected["cache_ttl"]) = (after["display_name"].clone(), after["cache_ttl"].clone());
        assert_eq!(listed(&at(name)).await.1, expected, "and nothing else");
        for (field, value) in [
            ("tags", json!([])),
            ("features", json!({ "jetty_speed_upload": true })),
            ("chunk_size", json!(6_000_000)),
            ("chunk_size", Value::Null),
            ("allow_unsigned", json!(true)),
            ("cross_namespace_dedup", json!(true)),
            ("origin_usd_per_gb", json!(0)),
            ("expected_hit_rate", json!(1)),
        ] {
            let patch = json!({ "display_name": "Not this", field: value });
            let body = refused(stack.request(Method::PATCH, &at(name), &account).json(&patch), 403, "operator-only").await;
            assert_eq!(body["field"], field);
        }
        assert_eq!(listed(&at(name)).await.1, expected, "a refused change changes nothing");
    }
    for name in [&foreign, "jt_customer_seagate", &stack.dev.namespace, "absent"] {
        refused(stack.request(Method::GET, &at(name), &account), 404, "not-found").await;
        for patch in [json!({ "display_name": "x" }), json!({ "tags": [] })] {
            refused(stack.request(Method::PATCH, &at(name), &account).json(&patch), 404, "not-found").await;
        }
    }
    refused(stack.request(Method::GET, ROOT, &stack.suspended), 403, "account-suspended").await;
    refused(stack.request(Method::PATCH, &at(&stack.suspended.namespace), &stack.suspended).json(&json!({})), 403, "account-suspended").await;
}

#[tokio::test]
async fn one_that_is_used_can_not_be_deleted() {
    let stack = stack().await;
    let (name, _) = created(json!({})).await;
    let user = unique("user-");
    let account = stack.provisioned(&user, "pro").await;
    joined(&name, &user).await;
    let delete = || stack.operator(Method::DELETE, &at(&name));

    let (status, started) = stack.track(&account, start(&name, 100)).await;
    assert_eq!(status, 201, "{started}");
    refused(delete(), 409, "namespace-in-use").await;
    let fail = json!({ "action": "fail", "sessionId": started["sessionId"] });
    assert_eq!(stack.track(&account, fail).await.0, 200);

    let (status, body) = told(simple(stack, &account, &name)).await;
    assert_eq!((status, &body["asset"]["namespace"]), (201, &json!(name)), "{body}");
    refused(delete(), 409, "namespace-in-use").await;
    let file = format!("/api/storage/files/{}", body["asset"]["id"].as_str().unwrap());
    assert_eq!(told(stack.request(Method::DELETE, &file, &account)).await.0, 204);

    let mut status = told(delete()).await.0;
    for _ in 0..80 {
        if status == 204 {
            break;
        }
        // Until the collector has taken what was in it.
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        status = told(delete()).await.0;
    }
    assert_eq!(status, 204, "an upload that ended and a file that went keep nothing");
    refused(stack.request(Method::GET, &at(&name), &account), 404, "not-found").await;
    let (_, body) = stack.track(&account, start(&name, 100)).await;
    assert_eq!(body["code"], "not-found");
    refused(stack.operator(Method::DELETE, &at(&account.namespace)), 409, "namespace-in-use").await;
    assert_eq!(told(stack.request(Method::GET, &at(&account.namespace), &account)).await.0, 200);
}

#[tokio::test]
async fn a_refused_deletion_deletes_nothing() {
    let stack = stack().await;
    let account = stack.provisioned(&unique("user-"), "pro").await;
    let started = stack.started(&account, 100).await;
    let fail = json!({ "action": "fail", "sessionId": started["sessionId"] });
    assert_eq!(stack.track(&account, fail).await.0, 200);
    let history = async || told(stack.request(Method::GET, "/api/jetty/sessions?status=failed", &account)).await.1["sessions"].clone();
    let before = history().await;
    assert_eq!(before.as_array().unwrap().len(), 1);
    refused(stack.operator(Method::DELETE, &at(&account.namespace)), 409, "namespace-in-use").await;
    assert_eq!(history().await, before, "the history of uploads");
}

#[tokio::test]
async fn changes_that_race_are_all_kept() {
    let stack = stack().await;
    let (name, _) = created(json!({})).await;
    let path = at(&name);
    joined(&name, "dev").await;
    for round in 1..=10 {
        let operators = json!({ "features": { "jetty_speed_upload": round % 2 == 0 }, "chunk_size": 5_242_880 + round });
        let members = json!({ "display_name": format!("round {round}"), "cache_ttl": { "small": round } });
        let (one, two) =
            tokio::join!(operator(Method::PATCH, &path, operators.clone()), told(stack.request(Method::PATCH, &path, &stack.dev).json(&members)));
        assert_eq!((one.0, two.0), (200, 200));
        let (_, now) = told(stack.operator(Method::GET, &at(&name))).await;
        assert_eq!(
            (&now["features"]["jetty_speed_upload"], &now["chunk_size"], &now["display_name"], &now["cache_ttl"]["small"]),
            (&operators["features"]["jetty_speed_upload"], &operators["chunk_size"], &members["display_name"], &members["cache_ttl"]["small"]),
            "round {round}"
        );
    }
}

#[tokio::test]
async fn features_decide_at_the_routes_they_name() {
    let stack = stack().await;
    let (name, _) = created(json!({ "features": { "jetty_speed_upload": false } })).await;
    joined(&name, "dev").await;
    let (status, body) = stack.track(&stack.dev, start(&name, 100)).await;
    assert_eq!((status, &body["code"], &body["feature"]), (403, &json!("feature-off"), &json!("jetty_speed_upload")), "{body}");
    let (status, body) = told(simple(stack, &stack.dev, &name)).await;
    assert_eq!((status, &body["asset"]["namespace"]), (201, &json!(name)), "the simple path is another one: {body}");
    let (_, body) = operator(Method::PATCH, &at(&name), json!({ "features": { "jetty_speed_upload": true } })).await;
    assert_eq!(body["features"]["jetty_speed_upload"], true);
    assert_eq!(stack.track(&stack.dev, start(&name, 100)).await.0, 201, "at once");
}

#[tokio::test]
async fn members_upload_into_a_shared_namespace_and_others_do_not() {
    let stack = stack().await;
    let (name, _) = created(json!({ "chunk_size": 6_000_000 })).await;
    joined(&name, "dev").await;
    let (status, started) = stack.track(&stack.dev, start(&name, 13_000_000)).await;
    assert_eq!(status, 201, "{started}");
    assert_eq!((&started["strategy"]["chunkSize"], &started["strategy"]["chunkCount"]), (&json!(6_000_000), &json!(3)), "the namespace's size wins");
    let own = stack.track(&stack.dev, start(&stack.dev.namespace, 13_000_000)).await.1;
    assert_eq!(own["strategy"]["chunkSize"], 10_000_000);

    let bytes = crate::stack::random_bytes(13_000_000);
    let part = |number: u32, namespace: &str| {
        let from = (number as usize - 1) * 6_000_000;
        stack.chunk(&started, number, &bytes[from..bytes.len().min(from + 6_000_000)]).header("X-Namespace", namespace)
    };
    refused(before_its_body(part(1, &stack.dev.namespace), 6_000_000), 422, "invalid-value").await;
    for number in 1..=3 {
        assert_eq!(told(part(number, &name)).await.0, 200);
    }
    let complete = json!({ "action": "complete", "sessionId": started["sessionId"] });
    let (status, done) = stack.track(&stack.dev, complete).await;
    assert_eq!((status, &done["asset"]["namespace"]), (200, &json!(name)), "{done}");
    let key = done["asset"]["s3Key"].as_str().unwrap();
    assert_eq!(sha256(&stack.bucket.get(key).await.unwrap()), sha256(&bytes));

    let (status, body) = told(simple(stack, &stack.dev, &name)).await;
    assert_eq!((status, &body["asset"]["namespace"]), (201, &json!(name)));
    // What one member stores is that member's: the namespace isolates customers, not the files within.
    joined(&name, "other").await;
    let file = format!("/api/storage/files/{}", done["asset"]["id"].as_str().unwrap());
    refused(stack.request(Method::GET, &file, &stack.other), 404, "not-found").await;
    assert_eq!(told(simple(stack, &stack.other, &name)).await.0, 201);

    for namespace in [name.as_str(), "absent"] {
        refused(simple(stack, &stack.starter, namespace), 404, "not-found").await;
        let (status, body) = stack.track(&stack.unsigned, start(namespace, 100)).await;
        assert_eq!((status, &body["code"]), (404, &json!("not-found")), "{body}");
    }
    refused(simple(stack, &stack.dev, "../x"), 422, "invalid-value").await;
}

#[tokio::test]
async fn the_examples_are_there() {
    let stack = stack().await;
    for (name, features, ttl, rate, volume) in [
        ("jt_customer_seagate", [true, true, true], [86_400, 604_800, 21_600, 43_200], 85.0, "500 GB"),
        ("jt_customer_wd", [false, true, false], [21_600, 604_800, 10_800, 21_600], 70.0, "200 GB"),
    ] {
        let (status, body) = told(stack.operator(Method::GET, &at(name))).await;
        assert_eq!(status, 200, "{body}");
        let [upload, video, desktop] = features;
        assert_eq!(body["features"], json!({ "jetty_speed_upload": upload, "video_streaming": video, "desktop_cdn": desktop }));
        let [small, text, large, video] = ttl;
        assert_eq!(body["cache_ttl"], json!({ "small": small, "text": text, "large": large, "video": video }));
        assert_eq!((&body["expected_hit_rate"], &body["members"]), (&json!(rate), &json!([])));
        assert!(body["tags"].as_array().unwrap().contains(&json!(volume)), "{body}");
    }
}
