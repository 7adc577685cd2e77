//! What is told: uploads, failures, deletions, accounts.

use serde_json::{Value, json};

use super::add;
use super::sink::{Seen, Sink};
use crate::harness::{Stack, action, random_bytes, sha256, stack, unique};

/// The events that came to `path`, by type, once there are so many.
async fn told(sink: &Sink, path: &str, count: usize) -> Vec<(String, Value)> {
    let seen: Vec<Seen> = sink.wait(path, count).await;
    seen.iter().map(Seen::json).map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone())).collect()
}

#[tokio::test]
async fn upload_failure_and_deletion_are_told_to_the_endpoints_that_want_them() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).create().await;
    let sink = Sink::start().await;
    let webhook = add(stack, &account, &account.namespace, &format!("{}/some", sink.url), &["upload.failed", "asset.deleted"]).await;
    let all = add(stack, &account, &account.namespace, &format!("{}/all", sink.url), &["upload.completed", "upload.failed", "asset.deleted"]).await;
    let failed = stack.session(&account).name("lost.bin").size(5_000).start().await;
    assert_eq!(stack.track(&account, action("fail", &failed)).await.0, 200);
    assert_eq!(stack.track(&account, action("fail", &failed)).await.0, 200, "repeated");
    let [(kind, data)] = &told(&sink, "/some", 1).await[..] else { panic!() };
    assert_eq!(
        (kind.as_str(), &data["sessionId"], &data["fileName"], &data["status"]),
        ("upload.failed", &failed["sessionId"], &json!("lost.bin"), &json!("failed"))
    );
    assert_eq!((&data["namespace"], &data["fileSize"]), (&json!(account.namespace), &json!(5_000)));

    let bytes = random_bytes(1_000);
    let asset = stack.asset(&account).bytes(bytes.clone()).store().await;
    stack.delete(&account, &asset).await;
    let [_, (kind, data)] = &told(&sink, "/some", 2).await[..] else { panic!() };
    assert_eq!((kind.as_str(), &data["asset"]["id"], &data["asset"]["name"]), ("asset.deleted", &asset["id"], &json!("a.bin")));
    let mut kinds: Vec<String> = told(&sink, "/all", 3).await.into_iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["asset.deleted", "upload.completed", "upload.failed"]);
    for seen in sink.seen("/") {
        let secret = if seen.path == "/some" { &webhook } else { &all };
        assert!(seen.is_signed_with(secret["secret"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn duplicate_is_told_as_completed_and_an_account_that_joins_as_provisioned() {
    let stack = stack().await;
    let account = stack.account(&unique("hooks-")).create().await;
    let namespace = stack.namespace(&unique("jt_customer_hooks-")).create().await;
    stack.add_manager(&namespace, &account.user_id).await;
    let sink = Sink::start().await;
    add(stack, &account, &namespace, &format!("{}/x", sink.url), &["upload.completed", "account.provisioned"]).await;
    let guest = stack.account(&unique("guest-")).create().await;
    for _ in 0..2 {
        stack.add_member(&namespace, &guest.user_id).await;
    }
    let [(kind, data)] = &told(&sink, "/x", 1).await[..] else { panic!() };
    assert_eq!((kind.as_str(), &data["agentcache_user_id"], &data["tier"]), ("account.provisioned", &json!(guest.user_id), &json!("pro")));
    assert!(data.get("api_key").is_none() && data.get("agentcache_email").is_none(), "{data}");

    let bytes = random_bytes(6_000);
    let hash = sha256(&bytes);
    let started = stack.session(&account).size(bytes.len()).hash(&hash).namespace(&namespace).start().await;
    stack.send_all_parts(&started, &bytes).await;
    let (status, done) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(stack.track(&account, action("complete", &started)).await, (200, done.clone()), "repeated");
    stack.verified(&account, done["asset"]["id"].as_str().unwrap()).await;
    let again = json!({ "action": "start", "fileName": "copy.bin", "fileSize": bytes.len(), "fileHash": hash, "namespace": namespace });
    let (status, known) = stack.track(&guest, again).await;
    assert_eq!(status, 200, "{known}");
    let events = told(&sink, "/x", 3).await;
    let of = |index: usize| (events[index].0.as_str(), events[index].1["asset"]["id"].clone(), events[index].1["receipt"]["sha256"].clone());
    assert_eq!(of(1), ("upload.completed", done["asset"]["id"].clone(), json!(hash)));
    assert_eq!(of(2), ("upload.completed", known["asset"]["id"].clone(), json!(hash)));
    assert_eq!(events[2].1["receipt"]["verification"], "verified");
}

/// A file in a namespace without endpoints costs as many round trips to the database as one with them.
#[tokio::test]
async fn upload_takes_as_many_round_trips_with_endpoints_as_without() {
    let stack = &Stack::start(&[("LOG_LEVEL", "debug")]).await;
    let sink = Sink::start().await;
    let mut fewest = Vec::new();
    for hooks in [false, true] {
        if hooks {
            add(stack, &stack.dev, &stack.dev.namespace, &format!("{}/x", sink.url), &["upload.completed"]).await;
        }
        let mut counts = Vec::new();
        // What ledgers and statistics write every few seconds falls into one or the other, but not into all of them.
        for _ in 0..4 {
            let started = stack.session(&stack.dev).size(5_000).start().await;
            let bytes = random_bytes(5_000);
            stack.send_all_parts(&started, &bytes).await;
            let before = stack.log_length().await;
            assert_eq!(stack.track(&stack.dev, action("complete", &started)).await.0, 200);
            let calls = stack.database_calls(before).await;
            // What the job asks beside.
            counts.push(calls.iter().filter(|call| !call.contains("webhook_outbox SET")).count());
        }
        fewest.push(counts.into_iter().min());
    }
    sink.wait("/x", 1).await;
    assert_eq!(fewest[0], fewest[1]);
}
