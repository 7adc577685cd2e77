//! Adding, changing and deleting endpoints, and who may.

use reqwest::Method;
use serde_json::{Value, json};

use super::sink::Sink;
use super::{add, delivery, path, test};
use crate::harness::{Call, Stack, stack, unique};

#[tokio::test]
async fn endpoint_is_added_listed_changed_and_deleted_and_its_secret_told_once() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).create().await;
    let webhook = add(stack, &account, &account.namespace, "https://hooks.example.com/a", &["upload.failed", "upload.completed"]).await;
    let secret = webhook["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{}", secret.len());
    let one = format!("{}/{}", path(&account.namespace), webhook["id"].as_str().unwrap());
    let (status, listed) = stack.get(&account, &path(&account.namespace)).await;
    let mut shown = webhook.clone();
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!((status, &listed["webhooks"]), (200, &json!([shown])));
    assert_eq!(shown["events"], json!(["upload.completed", "upload.failed"]));
    assert_eq!(stack.get(&account, &one).await, (200, json!({ "webhook": shown })));
    let patch = stack.request(Method::PATCH, &one, &account).json(&json!({ "url": "https://hooks.example.com/b", "events": ["alert.fired"] }));
    let (status, changed) = patch.answer().await;
    assert_eq!((status, &changed["webhook"]["url"], &changed["webhook"]["secret"]), (200, &json!("https://hooks.example.com/b"), &Value::Null));
    assert_eq!((&changed["webhook"]["events"], &changed["webhook"]["oldSecretUntil"]), (&json!(["alert.fired"]), &Value::Null));
    for (method, expected) in [(Method::DELETE, 204), (Method::DELETE, 404), (Method::GET, 404)] {
        assert_eq!(stack.request(method, &one, &account).answer().await.0, expected);
    }
    // A repeat under a key gets the first answer, secret included.
    let body = json!({ "url": "https://hooks.example.com/c", "events": ["upload.failed"] });
    let again = async || stack.request(Method::POST, &path(&account.namespace), &account).header("Idempotency-Key", "k").json(&body).answer().await;
    let (first, second) = (again().await, again().await);
    assert_eq!((first.0, &first), (201, &second));
}

#[tokio::test]
async fn managers_and_operators_have_endpoints_and_members_and_strangers_none() {
    let stack = stack().await;
    let [manager, member, stranger] =
        [stack.account(&unique("hm-")).create().await, stack.account(&unique("hn-")).create().await, stack.account(&unique("hs-")).create().await];
    let namespace = stack.namespace(&unique("jt_customer_hooks-")).member(&member).create().await;
    stack.add_manager(&namespace, &manager.user_id).await;
    let webhook = add(stack, &manager, &namespace, "https://hooks.example.com/", &["upload.failed"]).await;
    let one = format!("{}/{}", path(&namespace), webhook["id"].as_str().unwrap());
    let sent = test(stack, &manager, &webhook).await;
    let replay = format!("/api/portal/namespaces/{namespace}/deliveries/{}/replay", sent["id"].as_str().unwrap());
    let body = json!({ "url": "https://hooks.example.com/", "events": ["upload.failed"] });
    for (account, code) in [(&member, (403, "manager-only")), (&stranger, (404, "not-found"))] {
        for (method, path) in [
            (Method::POST, path(&namespace)),
            (Method::GET, path(&namespace)),
            (Method::GET, one.clone()),
            (Method::PATCH, one.clone()),
            (Method::GET, format!("{one}/deliveries")),
            (Method::POST, format!("{one}/test")),
            (Method::POST, replay.clone()),
            (Method::DELETE, one.clone()),
        ] {
            let (status, answer) = stack.request(method.clone(), &path, account).json(&body).answer().await;
            assert_eq!((status, answer["code"].as_str().unwrap()), code, "{method} {path}");
        }
    }
    // The stranger's own namespace does not lead to it either.
    let mine = format!("{}/{}", path(&stranger.namespace), webhook["id"].as_str().unwrap());
    assert_eq!(stack.get(&stranger, &mine).await.0, 404);
    let theirs = format!("/api/portal/namespaces/{}/deliveries/{}/replay", stranger.namespace, sent["id"].as_str().unwrap());
    assert_eq!(stack.request(Method::POST, &theirs, &stranger).answer().await.0, 404);
    assert_eq!(stack.operator(Method::GET, &one).answer().await.0, 200);
    assert_eq!(stack.operator(Method::DELETE, &one).answer().await.0, 204);
}

#[tokio::test]
async fn eleventh_endpoint_and_bad_values_are_refused_with_their_field() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).create().await;
    for (body, field) in [
        (json!({ "url": "ftp://a.example", "events": ["upload.failed"] }), "url"),
        (json!({ "url": "https://user:pass@a.example", "events": ["upload.failed"] }), "url"),
        (json!({ "url": "https://a.example" }), "events"),
        (json!({ "url": "https://a.example", "events": ["other"] }), "events"),
        (json!({ "url": "https://a.example", "events": ["upload.failed"], "secret": "whsec_short" }), "secret"),
    ] {
        let (status, answer) = stack.post(&account, &path(&account.namespace), body).await;
        assert_eq!((status, &answer["code"], &answer["field"]), (422, &json!("invalid-value"), &json!(field)), "{answer}");
    }
    for _ in 0..10 {
        add(stack, &account, &account.namespace, "https://hooks.example.com/", &["upload.failed"]).await;
    }
    let (status, answer) = stack.post(&account, &path(&account.namespace), json!({ "url": "https://a.example", "events": ["upload.failed"] })).await;
    assert_eq!((status, &answer["code"], &answer["limit"]), (409, &json!("too-many-webhooks"), &json!(10)), "{answer}");
}

#[tokio::test]
async fn private_url_is_refused_outside_development_and_not_called_if_it_is_there() {
    let stack = &Stack::start(&[("WEBHOOK_TARGETS", "public")]).await;
    let sink = Sink::start().await;
    for url in [
        sink.url.as_str(),
        "https://127.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
        "https://169.254.169.254/latest",
        "https://10.1.2.3/",
        "http://a.example/",
    ] {
        let (status, answer) = stack.post(&stack.dev, &path(&stack.dev.namespace), json!({ "url": url, "events": ["upload.failed"] })).await;
        assert_eq!((status, &answer["field"]), (422, &json!("url")), "{url}: {answer}");
    }
    // One that was added while the var said otherwise.
    let webhook = add(stack, &stack.dev, &stack.dev.namespace, "https://a.example/", &["upload.failed"]).await;
    stack.sql(&format!("UPDATE webhook_endpoints SET url = '{}'", sink.url)).await;
    test(stack, &stack.dev, &webhook).await;
    let delivery = delivery(stack, &stack.dev, &webhook, "pending", 1).await;
    assert!(delivery["error"].as_str().unwrap().contains("https://"), "{delivery}");
    assert!(sink.seen("/").is_empty());
}
