//! Members: added, removed, and what they may change.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ROOT, assert_refused, created, member_path, path_of};
use crate::harness::{Call, stack, unique};

#[tokio::test]
async fn added_member_gets_200_and_removed_member_404() {
    let stack = stack().await;
    let (name, _) = created(json!({})).await;
    let (user, absent) = (unique("member-"), unique("absent-"));
    let account = stack.account(&user).tier("starter").create().await;
    let members = async || stack.operator(Method::GET, &path_of(&name)).answer().await.1["members"].clone();
    assert_refused(stack.request(Method::GET, &path_of(&name), &account), 404, "not-found").await;
    for _ in 0..2 {
        stack.add_member(&name, &user).await;
        assert_eq!(members().await, json!([user]));
    }
    assert_eq!(stack.get(&account, &path_of(&name)).await.0, 200);
    for method in [Method::PUT, Method::DELETE] {
        assert_refused(stack.operator(method.clone(), &member_path(&name, &absent)), 404, "not-found").await;
        assert_refused(stack.operator(method.clone(), &member_path(&unique("jt_customer_"), &user)), 404, "not-found").await;
        assert_refused(stack.operator(method, &member_path(&name, "a%20b")), 422, "invalid-value").await;
    }
    assert_eq!(stack.operator(Method::DELETE, &member_path(&name, &user)).answer().await, (204, Value::Null));
    assert_eq!(members().await, json!([]));
    assert_refused(stack.operator(Method::DELETE, &member_path(&name, &user)), 404, "not-found").await;
    assert_refused(stack.request(Method::GET, &path_of(&name), &account), 404, "not-found").await;
    assert_refused(stack.operator(Method::DELETE, &member_path(&account.namespace, &user)), 409, "namespace-in-use").await;
    assert_eq!(stack.get(&account, &path_of(&account.namespace)).await.0, 200, "nobody loses their own");
}

#[tokio::test]
async fn manager_renames_and_sets_ttls_and_operator_fields_return_403() {
    let stack = stack().await;
    let (shared, _) = created(json!({ "cache_ttl": { "text": 5 }, "tags": ["kept"] })).await;
    let (foreign, _) = created(json!({})).await;
    let user = unique("tenant-");
    let account = stack.account(&user).tier("starter").create().await;
    stack.add_manager(&shared, &user).await;
    let listed = async |path: &str| stack.get(&account, path).await;
    let (status, body) = listed(ROOT).await;
    let names: Vec<_> = body["namespaces"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((status, names), (200, vec![shared.as_str(), account.namespace.as_str()]));

    for name in [&shared, &account.namespace] {
        let (status, before) = listed(&path_of(name)).await;
        assert_eq!((status, before.get("members")), (200, None), "members are for operators");
        let patch = json!({ "display_name": "Mine", "cache_ttl": { "small": 60, "text": null } });
        let (status, after) = stack.request(Method::PATCH, &path_of(name), &account).json(&patch).answer().await;
        assert_eq!(
            (status, &after["display_name"], &after["cache_ttl"]["small"], &after["cache_ttl"]["text"]),
            (200, &json!("Mine"), &json!(60), &json!(604_800))
        );
        let mut expected = before.clone();
        (expected["display_name"], expected["cache_ttl"]) = (after["display_name"].clone(), after["cache_ttl"].clone());
        assert_eq!(listed(&path_of(name)).await.1, expected, "and nothing else");
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
            let body = assert_refused(stack.request(Method::PATCH, &path_of(name), &account).json(&patch), 403, "operator-only").await;
            assert_eq!(body["field"], field);
        }
        assert_eq!(listed(&path_of(name)).await.1, expected, "a refused change changes nothing");
    }
    for name in [&foreign, "jt_customer_seagate", &stack.dev.namespace, "absent"] {
        assert_refused(stack.request(Method::GET, &path_of(name), &account), 404, "not-found").await;
        for patch in [json!({ "display_name": "x" }), json!({ "tags": [] })] {
            assert_refused(stack.request(Method::PATCH, &path_of(name), &account).json(&patch), 404, "not-found").await;
        }
    }
    assert_refused(stack.request(Method::GET, ROOT, &stack.suspended), 403, "account-suspended").await;
    assert_refused(stack.request(Method::PATCH, &path_of(&stack.suspended.namespace), &stack.suspended).json(&json!({})), 403, "account-suspended")
        .await;
}
