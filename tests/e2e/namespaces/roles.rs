//! What members and managers of a shared namespace may do with each other's things.

use std::time::Duration;

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{assert_refused, created, member_path, path_of, simple_upload};
use crate::harness::{Call, Stack, at_once, done_or, eventually, stack, unique};

/// A new shared namespace with two members and a manager.
async fn shared(stack: &Stack) -> (String, [AccountAccess; 3]) {
    let (name, _) = created(json!({})).await;
    let mut accounts = Vec::new();
    for role in ["ada", "bob", "manager"] {
        let account = stack.account(&unique(&format!("{role}-"))).tier("pro").create().await;
        if role == "manager" {
            stack.add_manager(&name, &account.user_id).await
        } else {
            stack.add_member(&name, &account.user_id).await
        }
        accounts.push(account);
    }
    (name, accounts.try_into().unwrap_or_else(|_| unreachable!()))
}

fn put(stack: &Stack, account: &AccountAccess, namespace: &str, target: &str, bytes: &str) -> RequestBuilder {
    stack.request(Method::PUT, &format!("/api/video/{target}"), account).header("X-Namespace", namespace).body(bytes.to_owned())
}

fn delete(stack: &Stack, account: &AccountAccess, namespace: &str, video: &str) -> RequestBuilder {
    stack.request(Method::DELETE, &format!("/api/video/{video}"), account).header("X-Namespace", namespace)
}

/// What a member of the namespace gets when it plays the file.
async fn played(stack: &Stack, account: &AccountAccess, namespace: &str, video: &str, path: &str) -> (u16, String) {
    let request = stack.request(Method::POST, &format!("/api/video/{video}/playback"), account).header("X-Namespace", namespace);
    let (status, body) = request.json(&json!({ "path": path })).answer().await;
    if status != 200 {
        return (status, body["code"].as_str().unwrap_or_default().to_owned());
    }
    let response = stack.http.get(body["url"].as_str().unwrap()).sent().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn member_plays_others_videos_and_replaces_and_deletes_its_own_only() {
    let stack = stack().await;
    let (name, [ada, bob, manager]) = shared(stack).await;
    assert_eq!(put(stack, &ada, &name, "film/a.ts", "ada").answer().await.0, 201);
    for who in [&ada, &bob, &manager] {
        assert_eq!(played(stack, who, &name, "film", "a.ts").await, (200, "ada".to_owned()));
    }
    // Neither the file itself nor another of the same video; not a byte of it reaches the store.
    for target in ["film/a.ts", "film/b.ts", "film/index.m3u8"] {
        assert_refused(put(stack, &bob, &name, target, "bob"), 403, "manager-only").await;
    }
    assert_refused(delete(stack, &bob, &name, "film"), 403, "manager-only").await;
    assert_eq!(played(stack, &bob, &name, "film", "a.ts").await, (200, "ada".to_owned()));
    assert_eq!(played(stack, &ada, &name, "film", "b.ts").await.0, 404);
    assert_eq!(stack.bucket.get(&format!("ns/{name}/v/film/b.ts")).await, None);
    assert_eq!(stack.used_and_reserved(&bob).await, (0, 0), "nothing was charged");

    assert_eq!(put(stack, &ada, &name, "film/a.ts", "ada again").answer().await.0, 200);
    assert_eq!(put(stack, &manager, &name, "film/a.ts", "manager").answer().await.0, 200);
    assert_eq!(played(stack, &bob, &name, "film", "a.ts").await, (200, "manager".to_owned()));
    assert_eq!(put(stack, &ada, &name, "film/a.ts", "still ada's").answer().await.0, 200, "a manager's file does not take the video away");
    assert_refused(put(stack, &bob, &name, "film/a.ts", "bob"), 403, "manager-only").await;
    assert_eq!(delete(stack, &manager, &name, "film").answer().await.0, 204);
    assert_refused(delete(stack, &ada, &name, "film"), 404, "not-found").await;
    assert_refused(delete(stack, &bob, &name, "never"), 404, "not-found").await;
    // Once its bytes are gone the name is free.
    eventually(Duration::from_secs(60), async || {
        let (status, body) = put(stack, &bob, &name, "film/a.ts", "bob").answer().await;
        done_or(status == 201, format!("{status} {body}"))
    })
    .await;
    assert_refused(put(stack, &ada, &name, "film/a.ts", "ada"), 403, "manager-only").await;
    assert_eq!(delete(stack, &bob, &name, "film").answer().await.0, 204);
    // Outsiders see nothing of it.
    for request in [put(stack, &stack.starter, &name, "film/a.ts", "x"), delete(stack, &stack.starter, &name, "film")] {
        assert_refused(request, 404, "not-found").await;
    }
}

#[tokio::test]
async fn of_two_members_that_create_a_video_at_once_one_gets_403_and_leaves_no_byte() {
    let stack = stack().await;
    let (name, [ada, bob, _]) = shared(stack).await;
    for round in 0..6 {
        let video = format!("race-{round}");
        let puts = [(&ada, "x.ts", "ada"), (&bob, "x.ts", "bob"), (&ada, "a.ts", "ada"), (&bob, "b.ts", "bob")];
        let answers = at_once(puts.map(|(who, path, bytes)| put(stack, who, &name, &format!("{video}/{path}"), bytes))).await;
        let stored: Vec<_> = answers.iter().zip(puts).filter(|((status, _), _)| *status == 201).map(|(_, put)| put).collect();
        let refused = answers.iter().filter(|(status, body)| *status == 403 && body["code"] == "manager-only").count();
        assert_eq!((stored.len(), refused), (2, 2), "{answers:?}");
        assert_eq!(stored[0].2, stored[1].2, "one of them has all of it: {answers:?}");
        for (_, path, bytes) in &stored {
            assert_eq!(stack.bucket.get(&format!("ns/{name}/v/{video}/{path}")).await.unwrap(), bytes.as_bytes());
        }
        let owner = stored[0].2;
        let other = if owner == "ada" { "b.ts" } else { "a.ts" };
        assert_eq!(stack.bucket.get(&format!("ns/{name}/v/{video}/{other}")).await, None);
    }
}

#[tokio::test]
async fn failed_first_put_leaves_the_video_to_nobody() {
    let stack = stack().await;
    let (name, [ada, bob, _]) = shared(stack).await;
    assert_refused(put(stack, &ada, &name, "film/index.m3u8", "not a playlist"), 422, "invalid-value").await;
    assert_eq!(put(stack, &bob, &name, "film/a.ts", "bob").answer().await.0, 201);
    let owners = stack.sql(&format!("SELECT video_id, writes FROM videos WHERE namespace = '{name}'")).await.remove(0);
    assert_eq!(owners, [json!({ "video_id": "film", "writes": 0 })]);
}

#[tokio::test]
async fn member_gets_403_for_name_and_ttls_and_role_changes_at_once() {
    let stack = stack().await;
    let (name, [ada, bob, manager]) = shared(stack).await;
    let patch = |who: &AccountAccess, body: Value| stack.request(Method::PATCH, &path_of(&name), who).json(&body);
    let zeros = json!({ "cache_ttl": { "small": 0, "text": 0, "large": 0, "video": 0 } });
    for body in [zeros.clone(), json!({ "display_name": "Bob's" }), json!({})] {
        assert_refused(patch(&bob, body), 403, "manager-only").await;
    }
    assert_refused(patch(&bob, json!({ "cache_ttl": { "small": -1 } })), 422, "invalid-value").await;
    let (_, seen) = stack.get(&bob, &path_of(&name)).await;
    assert_eq!((&seen["role"], &seen["display_name"], &seen["cache_ttl"]["small"]), (&json!("member"), &json!(name), &json!(86_400)));
    assert_eq!(patch(&manager, zeros).answer().await.0, 200);
    assert_refused(patch(&manager, json!({ "tags": [] })), 403, "operator-only").await;
    assert_refused(stack.request(Method::POST, &format!("{}/purge", path_of(&name)), &manager).with_new_address(), 401, "unauthenticated").await;

    let put_member = |body: Value| stack.operator(Method::PUT, &member_path(&name, &bob.user_id)).json(&body);
    for body in [json!({ "role": "owner" }), json!({ "role": 1 })] {
        assert_eq!(assert_refused(put_member(body), 422, "invalid-value").await["field"], "role");
    }
    assert_eq!(put_member(json!({ "role": "manager" })).answer().await.0, 204);
    let (_, operators) = stack.operator(Method::GET, &path_of(&name)).answer().await;
    assert_eq!(operators["managers"].as_array().unwrap().len(), 2, "{operators}");
    assert_eq!(patch(&bob, json!({ "display_name": "Bob's" })).answer().await.0, 200);
    assert_eq!(put_member(json!({ "role": null })).answer().await.0, 204);
    assert_refused(patch(&bob, json!({ "display_name": "again" })), 403, "manager-only").await;

    // Nothing takes an account's own namespace from it.
    let own = stack.operator(Method::PUT, &member_path(&ada.namespace, &ada.user_id)).json(&json!({ "role": "member" }));
    assert_eq!(own.answer().await.0, 204);
    assert_eq!(stack.request(Method::PATCH, &path_of(&ada.namespace), &ada).json(&json!({ "display_name": "Mine" })).answer().await.0, 200);
}

#[tokio::test]
async fn file_in_shared_namespace_is_404_for_members_and_deleted_by_managers() {
    let stack = stack().await;
    let (name, [ada, bob, manager]) = shared(stack).await;
    let (status, stored) = simple_upload(stack, &ada, &name).answer().await;
    assert_eq!(status, 201, "{stored}");
    let file = format!("/api/storage/files/{}", stored["asset"]["id"].as_str().unwrap());
    for method in [Method::GET, Method::DELETE] {
        assert_refused(stack.request(method, &file, &bob), 404, "not-found").await;
    }
    assert_eq!(stack.get(&manager, &file).await.1["asset"]["id"], stored["asset"]["id"]);
    assert_eq!(stack.used_and_reserved(&ada).await, (5, 0));
    assert_eq!(stack.request(Method::DELETE, &file, &manager).answer().await.0, 204);
    assert_refused(stack.request(Method::GET, &file, &ada), 404, "not-found").await;
    assert_eq!(stack.used_and_reserved(&ada).await, (0, 0), "the owner gets its storage back");
    // Only there: in its owner's namespace a manager of another is a stranger.
    let own = stack.asset(&ada).bytes("private").store().await;
    assert_refused(stack.request(Method::GET, &format!("/api/storage/files/{}", own["id"].as_str().unwrap()), &manager), 404, "not-found").await;
}
